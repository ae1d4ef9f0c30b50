"""The recorder beside a worker: a process of its own, so that scrapers cannot slow it down."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from loguru import logger

from pregao.embedded.supervise import launcher
from pregao.settings import Settings

RESTART_SECONDS = 1.0
STOP_SECONDS = 10.0
_PACKAGE_PARENT = Path(__file__).resolve().parents[2]


class RecorderProcess:
    """Keeps one `pregao recorder` running for as long as `run()` is not cancelled. Any number may run at once."""

    def __init__(self, settings: Settings, command: Sequence[str] | None = None) -> None:
        """`command` starts a role when its name follows; the module when left out."""
        self._settings = settings
        self._command = [*(command or (sys.executable, "-m", "pregao")), "recorder"]

    async def run(self) -> None:
        """Start the process, start it again when it ends, stop it on cancellation."""
        while True:
            keeper = sys.platform != "linux"
            process = await asyncio.create_subprocess_exec(
                *launcher(self._command, signal.SIGTERM, None, keeper=keeper),
                env=self._environment(),
                stdin=asyncio.subprocess.PIPE if keeper else asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
            try:
                code = await process.wait()
            except asyncio.CancelledError:
                await _stop(process)
                raise
            logger.error("the recorder ended with code {}; starting it again", code)
            await asyncio.sleep(RESTART_SECONDS)

    def _environment(self) -> dict[str, str]:
        settings = self._settings
        path = os.pathsep.join([str(_PACKAGE_PARENT), *filter(None, [os.environ.get("PYTHONPATH")])])
        return {
            **os.environ,
            "PYTHONPATH": path,
            "REDIS_URL": settings.resolve_redis_url(),
            "DATABASE_URL": settings.resolve_database_url(),
            "PREGAO_PREFIX": settings.key_prefix,
            "PREGAO_HOME": str(settings.pregao_home.resolve()),
        }


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            logger.error("the recorder did not stop within {} s and is killed", STOP_SECONDS)
            process.kill()
            await process.wait()
