"""Figures, the goals that they are held against, and the table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Goal:
    """A bound on our figure divided by `against` (1 for an absolute bound): at least or at most `bound`."""

    name: str
    value: float
    bound: float
    at_least: bool = True
    against: str = ""

    @property
    def met(self) -> bool:
        """Whether the bound holds; a figure that could not be measured misses it."""
        return not math.isnan(self.value) and (self.value >= self.bound if self.at_least else self.value <= self.bound)

    def __str__(self) -> str:
        sign = "≥" if self.at_least else "≤"
        unit = f" × {self.against}" if self.against else ""
        return f"{self.name}: {self.value:.3g}{unit} (goal {sign} {self.bound:g})"


@dataclass
class Outcome:
    """What one scenario measured: for each contestant every run, the unit, and the goals."""

    scenario: str
    unit: str
    runs: dict[str, list[float]] = field(default_factory=dict)
    goals: list[Goal] = field(default_factory=list)
    notes: str = ""
    failed: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, who: str, figure: float) -> None:
        """Keep one run's figure."""
        self.runs.setdefault(who, []).append(figure)

    def figure(self, who: str) -> float:
        """The median of a contestant's runs; not a number when it has none."""
        return median(self.runs[who]) if self.runs.get(who) else math.nan

    def ratio(self, ours: str, theirs: str) -> float:
        """Our median to theirs, in this run."""
        return self.figure(ours) / self.figure(theirs)

    def as_json(self) -> dict[str, object]:
        """Plain values, with every run, for the file."""
        goals = [{**asdict(goal), "met": goal.met} for goal in self.goals]
        medians = {who: self.figure(who) for who in self.runs}
        return {**asdict(self), "goals": goals, "medians": medians}


def print_table(outcomes: Sequence[Outcome], console: Console) -> None:
    """One row a figure, and below each scenario its goals."""
    table = Table(title="Proof of speed", title_justify="left", show_lines=False, pad_edge=False)
    for name in ("scenario", "contestant", "median", "runs"):
        table.add_column(name, justify="right" if name == "median" else "left")
    for outcome in outcomes:
        for number, (who, runs) in enumerate(outcome.runs.items()):
            spread = f"{_short(min(runs))} to {_short(max(runs))}" if len(runs) > 1 else ""
            table.add_row(
                outcome.scenario if not number else "", who, f"{_short(outcome.figure(who))} {outcome.unit}", spread
            )
        for who, reason in outcome.failed.items():
            table.add_row("", who, "[red]failed[/]", reason.splitlines()[-1] if reason else "")
        for goal in outcome.goals:
            table.add_row("", "[green]pass[/]" if goal.met else "[red]MISS[/]", "", str(goal))
        table.add_section()
    console.print(table)


def as_markdown(outcomes: Sequence[Outcome]) -> str:
    """The figures, and below them the goals, as two tables."""
    figures = ["| scenario | contestant | median | runs |", "| --- | --- | ---: | --- |"]
    goals = ["| scenario | goal | |", "| --- | --- | --- |"]
    for outcome in outcomes:
        for who, runs in outcome.runs.items():
            spread = f"{_short(min(runs))} to {_short(max(runs))}" if len(runs) > 1 else ""
            figures.append(f"| {outcome.scenario} | {who} | {_short(outcome.figure(who))} {outcome.unit} | {spread} |")
        figures += [f"| {outcome.scenario} | {who} | failed | |" for who in outcome.failed]
        goals += [f"| {outcome.scenario} | {goal} | {'met' if goal.met else '**missed**'} |" for goal in outcome.goals]
    return "\n".join([*figures, "", *goals])


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
