"""What an isolated attempt came to: what its scraper said, and how its processes ended, put together."""

from __future__ import annotations

import signal
from pathlib import Path

from pregao.attempt.outcome import Completed, Failed, Killed
from pregao.domain.failure import FailureClass, clean_text, failure
from pregao.domain.footprint import Footprint
from pregao.isolation.messages import Ended, Task
from pregao.scrapers.child import place_in

_IN_WORDS: dict[int, str] = {
    signal.SIGSEGV: "a segmentation fault",
    signal.SIGBUS: "a bus error",
    signal.SIGABRT: "it aborted",
    signal.SIGILL: "an illegal instruction",
    signal.SIGFPE: "an arithmetic error",
    signal.SIGKILL: "somebody killed it",
    signal.SIGTERM: "somebody ended it",
}


def footprint_of(ended: Ended, logs: str | None) -> Footprint:
    """What is kept of an attempt's processes."""
    return Footprint(
        logs=logs,
        peak_memory_mb=ended.peak_memory_mb,
        cpu_seconds=ended.cpu_seconds,
        exit_signal=None if ended.signal is None else name_of(ended.signal),
    )


def decide(
    said: Completed | Failed | None, ended: Ended, footprint: Footprint, task: Task, *, timed_out: bool
) -> Completed | Failed | Killed:
    """The outcome of an attempt that nobody stopped from outside.

    What the scraper said counts, even if its process died later, in its cleanup. Without a word it was killed, or did
    not react to its timeout.
    """
    match said:
        case Completed():
            return Completed(said.result_json, said.response_time_seconds, said.source, said.metadata, footprint)
        case Failed():
            return Failed(said.failure, said.response_time_seconds, said.source, said.metadata, footprint)
    place = place_in(footprint.logs or "", Path(task.target.directory))
    at = "" if place is None else f", at {place[0]}:{place[1]}"
    if timed_out or ended.reason == "deadline":
        text = f"timed out after {task.timeout_seconds:g} s; its process did not react, and was killed{at}"
        return Failed(failure(FailureClass.TIMEOUT, text), task.timeout_seconds, footprint=footprint)
    return Killed(clean_text(story_of(ended) + at), footprint)


def story_of(ended: Ended) -> str:
    """How the process of an attempt ended without a result."""
    if ended.story:
        return ended.story
    if ended.signal is not None:
        number = ended.signal
        cause = _IN_WORDS.get(number, "")
        if number == signal.SIGKILL and ended.out_of_memory:
            cause = "the machine ran out of memory, and the kernel chose it"
        peak = "" if ended.peak_memory_mb is None else f"; peak {ended.peak_memory_mb:.0f} MB"
        return f"the scraper's process was ended by {name_of(number)}" + (f" ({cause})" if cause else "") + peak
    if ended.code is not None:
        return f"the scraper's process ended with exit code {ended.code} before it gave a result"
    return "the scraper's process ended without a result, and without its zygote nobody saw how"


def name_of(number: int) -> str:
    """SIGSEGV for 11."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
