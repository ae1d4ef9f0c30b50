"""The page that a long run ends with."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench import proof_page


@dataclass
class Entry:
    """What one scenario did and what it cost. Recovery times are seconds, one for each fault that stopped work."""

    scenario: str
    jobs: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    unrecorded_lost: int = 0
    rerun: int = 0
    late_settles_refused: int = 0
    recoveries: list[float] = field(default_factory=list)
    seconds: float = 0.0
    passed: bool = False
    remarks: list[str] = field(default_factory=list)

    def fault(self, name: str, count: int = 1) -> None:
        self.faults[name] = self.faults.get(name, 0) + count


class Report:
    """All entries of a run, printed as one page and kept as JSON."""

    def __init__(self, seed: int, scale: float) -> None:
        self.seed = seed
        self.scale = scale
        self.entries: list[Entry] = []
        self.engines = ""
        """Their versions, once a scenario has started them."""
        self.has_all_scenarios = True

    def page(self) -> str:
        """The run, the table and the remarks as Markdown."""
        head = ("scenario", "jobs", "faults", "lost", "re-run", "late refused", "recovery p50 / max", "s", "")
        rows = [head, tuple("---" for _ in head), *(_row(entry) for entry in self.entries), _row(self._total())]
        remarks = [f"- {entry.scenario}: {remark}" for entry in self.entries for remark in entry.remarks]
        part = "" if self.has_all_scenarios else ", only the scenarios below"
        seed = f"`CHAOS_SEED={self.seed}` `CHAOS_SCALE={self.scale:g}`"
        return "\n".join(
            [
                f"- run: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {seed}{part}",
                f"- machine: {proof_page.machine()}",
                f"- versions: {self.engines}; Pregão at {proof_page.commit()}",
                "",
                *("| " + " | ".join(row) + " |" for row in rows),
                *(["", *remarks] if remarks else []),
            ]
        )

    def save(self, path: Path) -> None:
        path.write_text(json.dumps({"seed": self.seed, "entries": [asdict(e) for e in self.entries]}, indent=2))

    def _total(self) -> Entry:
        total = Entry("**all**", passed=all(entry.passed for entry in self.entries))
        for entry in self.entries:
            total.jobs += entry.jobs
            total.lost += entry.lost
            total.unrecorded_lost += entry.unrecorded_lost
            total.rerun += entry.rerun
            total.late_settles_refused += entry.late_settles_refused
            total.recoveries += entry.recoveries
            total.seconds += entry.seconds
            total.fault("faults", sum(entry.faults.values()))
        return total


def _row(entry: Entry) -> tuple[str, ...]:
    recovery = f"{median(entry.recoveries):.2f} / {max(entry.recoveries):.2f}" if entry.recoveries else "–"
    return (
        entry.scenario,
        str(entry.jobs),
        ", ".join(f"{count} {name}" for name, count in entry.faults.items()),
        str(entry.lost) + (f" (+{entry.unrecorded_lost} never recorded)" if entry.unrecorded_lost else ""),
        str(entry.rerun),
        str(entry.late_settles_refused),
        recovery,
        f"{entry.seconds:.0f}",
        "ok" if entry.passed else "**failed**",
    )
