"""The child program that runs one scraper of the user's once.

Request: directory, module, class_name, run_init, argument, timeout_seconds. Messages: `loaded` once its class is there;
`ended` with the outcome.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, assert_never

import msgspec
import orjson

from pregao.attempt.outcome import Completed, Failed, Killed, NotHere, Outcome, Stopped
from pregao.domain.clock import SystemClock
from pregao.domain.failure import FailureClass, failure
from pregao.queue.codec import storable_object
from pregao.scrapers.describe import in_words, where
from pregao.scrapers.directory import load_class, prepare
from pregao.scrapers.messages import Messages, open_messages
from pregao.worker.inloop import InLoop


def run(request: dict[str, Any], messages: Messages) -> None:
    """Load the class, run it, and say how that ended."""
    directory = Path(request["directory"])
    try:
        prepare(directory)
        cls = load_class(directory, request["module"], request["class_name"], run_init=request["run_init"])
    except BaseException as error:  # noqa: BLE001 - a module may raise anything while it is imported
        place = where(error, directory)
        said = in_words(error) if place is None else f"{place[0]}:{place[1]}: {in_words(error)}"
        messages.send(event="ended", **_failed(Failed(failure(FailureClass.BUG, f"it does not load: {said}"))))
        return
    if not logging.getLogger().handlers:
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    messages.send(event="loaded")
    asyncio.run(_attempt(cls, request, lambda outcome: messages.send(event="ended", **_told(outcome))))


async def _attempt(cls: type, request: dict[str, Any], tell: Callable[[Outcome], None]) -> None:
    """One that ignores its cancellation is told as well: the parent then ends this process."""
    never: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    outcome = await InLoop(SystemClock()).run(
        cls, request["argument"], timeout_seconds=request["timeout_seconds"], stop=never, on_abandoned=tell
    )
    if outcome is not None:
        tell(outcome)


def _told(outcome: Outcome) -> dict[str, Any]:
    match outcome:
        case Completed():
            return _completed(outcome)
        case Failed():
            return _failed(outcome)
        case Stopped() | NotHere() | Killed():
            raise AssertionError(outcome)  # nobody stops it, and it is here
        case _:
            assert_never(outcome)


def _completed(outcome: Completed) -> dict[str, Any]:
    return {
        "data": outcome.data,
        "sanitised": [],
        "seconds": outcome.response_time_seconds,
        "source": outcome.source,
        "metadata": orjson.loads(storable_object(outcome.metadata)),
    }


def _failed(outcome: Failed) -> dict[str, Any]:
    return {
        "failure": msgspec.to_builtins(outcome.failure),
        "seconds": outcome.response_time_seconds or 0.0,
        "source": outcome.source,
        "metadata": orjson.loads(storable_object(outcome.metadata)),
    }


if __name__ == "__main__":
    its_request, its_messages = open_messages()
    run(its_request, its_messages)
    its_messages.wait_for_the_end()
