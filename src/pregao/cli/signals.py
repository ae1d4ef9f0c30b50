"""SIGTERM and SIGINT for a role: once is graceful, twice is at once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable

import uvloop
from loguru import logger

from pregao import logs
from pregao.domain.errors import PregaoError, QueueUnavailable
from pregao.embedded.parent import follow_parent
from pregao.settings import Settings

Serve = Callable[[Settings, asyncio.Event], Awaitable[None]]

FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 15.0
CANCEL_AGAIN_SECONDS = 3.0


def run_role(role: str, serve: Serve) -> None:
    """Run `serve(settings, stop)` until it returns; `stop` is set by the first signal, the second ends the process.

    A role that the system started dies with it. Raises PregaoError; any other error is logged and ends the process.
    """
    follow_parent(signal.SIGKILL)
    settings = Settings.load()
    logs.configure(settings, role)
    try:
        uvloop.run(_serve(settings, serve))
    except PregaoError:
        raise
    except Exception as error:  # noqa: BLE001 - the last frame of the process: told once, in full
        logger.opt(exception=error).critical("the {} ended by an error of its own", role)
        sys.exit(1)


async def _serve(settings: Settings, serve: Serve) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def on_signal(number: signal.Signals) -> None:
        if stop.is_set():
            logger.warning("{} again: ending at once", number.name)
            os._exit(128 + number)
        logger.info("{}: stopping", number.name)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    await serve(settings, stop)


async def until_redis_answers(stop: asyncio.Event, attempt: Callable[[], Awaitable[None]]) -> bool:
    """Call `attempt` until it does not raise QueueUnavailable; False when `stop` came first."""
    wait = FIRST_WAIT_SECONDS
    while not stop.is_set():
        try:
            await attempt()
            return True
        except QueueUnavailable as error:
            logger.warning("{}; trying again in {:g} s", error, wait)
        await stopped_within(stop, wait)
        wait = min(wait * 2, LONGEST_WAIT_SECONDS)
    return False


async def stopped_within(stop: asyncio.Event, seconds: float) -> bool:
    """Wait for `stop` for at most `seconds`; whether it came."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return False
    return True


async def first_of(stop: asyncio.Event, *running: Awaitable[None]) -> None:
    """Wait until `stop` is set or one of `running` ends; raises what that one raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = {group.create_task(_as_coroutine(one)) for one in running} | {group.create_task(_wait(stop))}
            _, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            while left:
                # More than once: a client whose connection breaks at that moment may tell of that alone, and go on.
                for task in left:
                    task.cancel()
                _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN_SECONDS)
    except ExceptionGroup as group_error:
        raise group_error.exceptions[0] from None


async def _wait(stop: asyncio.Event) -> None:
    await stop.wait()


async def _as_coroutine(running: Awaitable[None]) -> None:
    await running
