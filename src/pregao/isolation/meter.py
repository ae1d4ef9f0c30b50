"""What an attempt takes, measured over its process tree, and whether that is more than it may."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pregao.isolation.messages import KillReason, Limits
from pregao.isolation.tree import Process, proportional_bytes

MB = 1024 * 1024
NEAR_THE_LIMIT = 0.8
"""From this share of the memory limit on, shared pages are counted by share: resident memory, summed, is up to twice
the truth for a browser, but the share costs milliseconds a process to find out."""
SHOWN = 3


class Excess(msgspec.Struct, frozen=True):
    """A limit that was passed, and the story for people."""

    reason: KillReason
    story: str


class Meter:
    """Peaks of one attempt. Memory is that of all its processes together, CPU time never goes back."""

    def __init__(self, limits: Limits, cpu_before: float = 0.0) -> None:
        """`cpu_before` is what the processes had spent before the attempt began."""
        self.limits = limits
        self.peak_bytes = 0
        self.cpu_seconds = 0.0
        self._cpu_before = cpu_before

    @property
    def peak_memory_mb(self) -> float | None:
        """None when it ended before anybody looked."""
        return round(self.peak_bytes / MB, 1) if self.peak_bytes else None

    def sample(self, tree: Sequence[Process]) -> Excess | None:
        """Take in what the tree takes now; the first limit that it passes."""
        living = [process for process in tree if process.lives]
        self.note(cpu_seconds=sum(process.cpu_seconds for process in tree))
        return self._memory(living) or self.cpu_excess(tree) or self._tasks(living)

    def note(self, *, cpu_seconds: float = 0.0, peak_bytes: int = 0) -> None:
        """Take in what the kernel says; only higher numbers count."""
        self.cpu_seconds = max(self.cpu_seconds, cpu_seconds - self._cpu_before)
        self.peak_bytes = max(self.peak_bytes, peak_bytes)

    def cpu_excess(self, tree: Sequence[Process]) -> Excess | None:
        """Whether the CPU time noted so far is too much; `tree` is for the story."""
        limit = self.limits.cpu_seconds
        if limit is None or self.cpu_seconds <= limit:
            return None
        story = f"killed for CPU time: {self.cpu_seconds:.1f} s of {limit:g} s allowed"
        shown = largest([(process.cpu_seconds, f"{process.name} {process.cpu_seconds:.1f} s") for process in tree])
        return Excess("cpu", f"{story}; {shown}" if shown else story)

    def _memory(self, living: Sequence[Process]) -> Excess | None:
        limit = self.limits.memory_mb
        sizes = [process.resident_bytes for process in living]
        if limit is not None and sum(sizes) >= limit * MB * NEAR_THE_LIMIT:
            sizes = [proportional_bytes(process) for process in living]
        total = sum(sizes)
        self.note(peak_bytes=total)
        if limit is None or total <= limit * MB:
            return None
        named = [(size, f"{process.name} {size / MB:.0f} MB") for process, size in zip(living, sizes, strict=True)]
        return Excess("memory", memory_story(total, limit, largest(named)))

    def _tasks(self, living: Sequence[Process]) -> Excess | None:
        limit = self.limits.tasks
        tasks = sum(process.threads for process in living)
        if limit is None or tasks <= limit:
            return None
        return Excess("processes", tasks_story(tasks, limit, living))


def memory_story(peak_bytes: int, limit_mb: int, shown: str) -> str:
    """The sentence about an attempt that took too much memory; `shown` are its largest processes, "" when unknown."""
    story = f"killed for memory: peak {peak_bytes / MB:.0f} MB of {limit_mb} MB allowed"
    return f"{story}; {shown}" if shown else story


def tasks_story(tasks: int, limit: int, living: Sequence[Process]) -> str:
    """The sentence about an attempt that started too many processes."""
    counts: dict[str, int] = {}
    for process in living:
        counts[process.name] = counts.get(process.name, 0) + 1
    names = sorted(counts, key=lambda name: -counts[name])[:SHOWN]
    shown = ", ".join(f"{counts[name]} {name}" for name in names)
    return f"killed for its number of processes and threads: {tasks} of {limit} allowed; {shown}"


def largest(sized: Sequence[tuple[float, str]]) -> str:
    """The first few of (size, text) by size, and how many more there are; "" for none."""
    ordered = [text for _, text in sorted(sized, key=lambda pair: -pair[0])]
    parts = ", ".join(ordered[:SHOWN])
    return f"{parts} and {len(ordered) - SHOWN} more" if len(ordered) > SHOWN else parts
