"""Blocking work beside an event loop that nobody waits for when the process ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def aside(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do blocking `work` in a thread; its result, or what it raises.

    Unlike `asyncio.to_thread`, a cancelled call keeps no process from ending: looking at modules that block may take
    minutes, and a stop must not wait for them.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        settle: Callable[[], None]
        try:
            settle = partial(_give, done, work(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - it is raised where the work is awaited
            settle = partial(_fail, done, error)
        try:
            loop.call_soon_threadsafe(settle)
        except RuntimeError:
            return  # the loop was closed meanwhile: nobody waits any more

    threading.Thread(target=run, name=f"aside {getattr(work, '__name__', '')}", daemon=True).start()
    return await done


def _give(done: asyncio.Future[T], result: T) -> None:
    if not done.cancelled():
        done.set_result(result)


def _fail(done: asyncio.Future[T], error: BaseException) -> None:
    if not done.cancelled():
        done.set_exception(error)
