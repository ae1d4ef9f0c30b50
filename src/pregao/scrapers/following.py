"""A registry that follows the files of its directories while a process runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from loguru import logger

from pregao.domain.service import Background
from pregao.scrapers.aside import aside
from pregao.scrapers.registry import Registry

LOOK_SECONDS = 1.0


@asynccontextmanager
async def following(registry: Registry) -> AsyncIterator[None]:
    """Look at the files every second while the block runs, and read anew those that changed and are at rest.

    Files are looked at, not watched by the kernel: that sees network shares, containers' mounts and directories that
    come back, and costs about a millisecond for a hundred modules.
    """
    background = Background("scraper directories")
    if registry.watched:
        background.start(lambda: _follow(registry))
    try:
        yield
    finally:
        await background.stop()


async def _follow(registry: Registry) -> None:
    before = await aside(registry.stamps)
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            now = await aside(registry.stamps)
            # At rest means the same at two looks in a row: no half of a copy is read.
            if registry.changed(now) and now == before:
                await aside(registry.refresh)
            before = now
        except Exception:  # noqa: BLE001 - what was loaded before stays; the next look may fare better
            logger.exception("the directories of SCRAPERS_PATH cannot be looked at")
