"""Blocking work beside the loop."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pregao.scrapers.aside import aside

ROOT = Path(__file__).resolve().parents[2]


async def test_it_gives_what_the_work_gives() -> None:
    assert await aside(divmod, 7, 2) == (3, 1)


@pytest.mark.parametrize("error", [ValueError, SystemExit])
async def test_it_raises_what_the_work_raises(error: type[BaseException]) -> None:
    def fail() -> None:
        raise error("no")

    with pytest.raises(error, match="no"):
        await aside(fail)


async def test_the_loop_goes_on_meanwhile() -> None:
    gate = threading.Event()
    waiting = asyncio.ensure_future(aside(gate.wait))
    await asyncio.sleep(0)
    gate.set()

    assert await waiting


async def test_work_that_ends_after_its_call_was_cancelled_disturbs_nobody() -> None:
    gate, ended = threading.Event(), threading.Event()

    def work() -> None:
        gate.wait()
        ended.set()

    call = asyncio.ensure_future(aside(work))
    await asyncio.sleep(0)
    call.cancel()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert ended.wait(20)


def test_a_process_ends_without_waiting_for_it() -> None:
    code = """
import asyncio, threading
from pregao.scrapers.aside import aside
async def main():
    call = asyncio.ensure_future(aside(threading.Event().wait))
    await asyncio.sleep(0)
    call.cancel()
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT / "src")}, timeout=60, check=False)

    assert done.returncode == 0
