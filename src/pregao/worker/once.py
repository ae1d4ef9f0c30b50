"""Running one scraper once without a queue: in this process where it runs in workers, in a child where it does not."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import orjson
from loguru import logger

from pregao.attempt.outcome import Completed, Failed, Outcome
from pregao.domain.clock import Clock, SystemClock
from pregao.domain.failure import Failure, FailureClass, failure
from pregao.scrapers.base import NotConfigured, Scraper
from pregao.scrapers.child import OUTPUT_LIMIT_BYTES, Child, ChildSilent, place_in
from pregao.scrapers.entry import Entry
from pregao.scrapers.http import shared_clients
from pregao.worker.inloop import OBEDIENCE_SECONDS, InLoop

CHILD = "pregao.worker.once_child"
LOAD_SECONDS = 60.0
"""Starting the interpreter and importing the module comes before the attempt, and does not count as its time."""
ANSWER_SECONDS = 1.0
LOOK_SECONDS = 0.2


class Run(msgspec.Struct, frozen=True):
    """How one run ended. `seconds` is all of it, start of the process included; `logs` the last 64 KB that it said."""

    outcome: Completed | Failed
    seconds: float
    logs: str


async def run_once(
    entry: Entry,
    argument: str | None,
    timeout_seconds: float,
    environment: Mapping[str, str],
    clock: Clock | None = None,
) -> Run:
    """Run one scraper with one argument; what it raises is the outcome's. `environment` is for a child process.

    A child that blocks past its timeout is killed, with all that it started. So is one whose caller is cancelled.
    """
    clock = clock or SystemClock()
    started = clock.monotonic()
    if entry.executor == "in_loop":
        outcome, logs = await _here(entry, argument, timeout_seconds, clock)
    else:
        stop = threading.Event()
        try:
            outcome, logs = await asyncio.to_thread(_in_a_child, entry, argument, timeout_seconds, environment, stop)
        finally:
            stop.set()
    return Run(outcome, clock.monotonic() - started, logs)


async def _here(
    entry: Entry, argument: str | None, timeout_seconds: float, clock: Clock
) -> tuple[Completed | Failed, str]:
    never: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    given_up: list[Outcome] = []

    def create() -> Scraper:
        if entry.missing:
            raise NotConfigured(*entry.missing)
        return entry.make()

    with _logged() as lines:
        async with shared_clients():
            # Of one that ignores its cancellation only the end of this process can rid us: it is waited for.
            ended = await InLoop(clock).run(
                create, argument, timeout_seconds=timeout_seconds, stop=never, on_abandoned=given_up.append
            )
    outcome = ended or given_up.pop()
    assert isinstance(outcome, Completed | Failed)  # nobody stops it, and it is here
    return outcome, "".join(lines)[-OUTPUT_LIMIT_BYTES:]


@contextmanager
def _logged() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lines.append, level="DEBUG", format="{level} {message}", backtrace=False, diagnose=False)
    try:
        yield lines
    finally:
        logger.remove(sink)


def _in_a_child(
    entry: Entry, argument: str | None, timeout_seconds: float, environment: Mapping[str, str], stop: threading.Event
) -> tuple[Completed | Failed, str]:
    request = {
        "directory": str(entry.directory),
        "module": entry.module,
        "class_name": entry.class_name,
        "run_init": entry.run_init,
        "argument": argument,
        "timeout_seconds": timeout_seconds,
    }
    with Child(CHILD, request, environment) as child:
        outcome = _followed(child, entry.directory or Path(), timeout_seconds, stop)
        return outcome, child.output


def _followed(child: Child, directory: Path, timeout_seconds: float, stop: threading.Event) -> Completed | Failed:
    """Wait for the class, then for the outcome, each for its time."""
    patience, late = LOAD_SECONDS, f"it does not load: it did not within {LOAD_SECONDS:g} s"
    while True:
        try:
            message = _receive(child, patience, stop)
        except ChildSilent:
            at = _place(child.last_words(), directory)
            return Failed(failure(FailureClass.TIMEOUT, late + at), timeout_seconds)
        if message is None:
            at = _place(child.output, directory)
            return Failed(failure(FailureClass.KILLED, f"its process {child.how_it_ended()}{at}"))
        match message["event"]:
            case "loaded":
                patience = timeout_seconds + OBEDIENCE_SECONDS + ANSWER_SECONDS
                late = f"timed out after {timeout_seconds:g} s; its process was blocked and was killed"
            case "ended":
                return _outcome(message)
            case _:
                logger.warning("the child wrote {!r}", message.get("line"))


def _place(output: str, directory: Path) -> str:
    found = place_in(output, directory)
    return "" if found is None else f", at {found[0]}:{found[1]}"


def _receive(child: Child, timeout_seconds: float, stop: threading.Event) -> dict[str, Any] | None:
    """The child's next message, looking up now and then whether anybody still waits for it."""
    looks = max(1, round(timeout_seconds / LOOK_SECONDS))
    for _ in range(looks):
        try:
            return child.receive(timeout_seconds / looks)
        except ChildSilent:
            if stop.is_set():
                break
    raise ChildSilent


def _outcome(message: dict[str, Any]) -> Completed | Failed:
    if "failure" in message:
        problem = msgspec.convert(message["failure"], Failure)
        return Failed(problem, message["seconds"], message["source"], message["metadata"])
    changed = message["sanitised"]
    metadata = {**message["metadata"], **({"sanitised": changed} if changed else {})}
    return Completed(orjson.dumps(message["data"]), message["seconds"], message["source"], metadata)
