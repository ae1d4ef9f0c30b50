"""One run of the suite: the engines, who takes part, how often, and what its scripts cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from bench import processes
from bench.contestant import OURS, PREGAO
from bench.engines import WORKER_CORE, Engines
from bench.table import Outcome
from pregao.queue.keys import DEFAULT_PREFIX
from pregao.queue.scripts import ScriptName, hash_of

SCRIPTS: tuple[ScriptName, ...] = get_args(ScriptName)


@dataclass
class Session:
    """What every scenario gets. `share` scales the number of jobs: 1 for the real thing."""

    engines: Engines
    peers: Sequence[str]
    repeats: int = 3
    share: float = 1.0
    slowest: dict[str, tuple[float, int]] = field(default_factory=dict)
    """For each of our scripts the slowest call, in milliseconds, and how many were above 1 ms."""

    @property
    def contestants(self) -> tuple[str, ...]:
        """Pregão and the peers that take part."""
        return (PREGAO, *self.peers)

    def jobs(self, count: int) -> int:
        """`count`, or as many as a quick run does."""
        return max(20, int(count * self.share))

    def turns(self, contestants: Sequence[str] | None = None) -> Iterator[str]:
        """Who is next: one after the other, so that a slow minute hits everybody. Each finds Redis empty."""
        for _ in range(self.repeats):
            for who in contestants or self.contestants:
                self.engines.empty()
                yield who
                self.note_scripts()

    def run(self, outcome: Outcome, who: str, action: str, jobs: int, slots: int = 0) -> dict[str, Any] | None:
        """One action on the worker's core; None when the contestant failed, which the outcome then says."""
        try:
            return processes.run(self.engines, who, action, jobs, slots, cores=[WORKER_CORE])
        except processes.ContestantFailed as failure:
            if who in OURS:
                raise
            outcome.failed[who] = str(failure)
            return None

    def note_scripts(self) -> None:
        """Remember the slowest calls of our scripts since the last look."""
        names = {hash_of(name).encode(): name for name in SCRIPTS}
        for entry in self.engines.redis.slowlog_get(10_000):
            words = entry["command"].split()
            first_call = words[:1] == [b"EVAL"]  # with the whole script, which the server keeps from then on
            known = words[:1] == [b"EVALSHA"] and words[1] in names
            if (known or first_call) and DEFAULT_PREFIX.encode() in entry["command"]:
                name, milliseconds = "first call" if first_call else names[words[1]], entry["duration"] / 1000
                slowest, count = self.slowest.get(name, (0.0, 0))
                self.slowest[name] = (max(slowest, milliseconds), count + 1)
        self.engines.redis.slowlog_reset()
