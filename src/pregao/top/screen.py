"""How a frame looks: a pure function from the frame and the size of the screen to something that Rich can print.

The screen has a header, a table of the queues, the problems, and four sections that share what is left, five while
something is held back: each gets as many lines as it needs, as far as they go round, and says how many it does not
show.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pregao.domain.clock import MARKET_ZONE
from pregao.domain.job import JobPriority
from pregao.queue.overview import Overview, Share
from pregao.terminal import printable
from pregao.top.frame import LAG_SECONDS, Frame
from pregao.top.held import held
from pregao.top.sections import Section, failures, firings, running_jobs, share_out, workers

PROBLEM_LINES = 2
"""Lines that one problem may take."""
PROBLEMS = 4
HEADER_LINES = 2
QUEUE_LINES = 4
SPACIOUS = 32
"""Lines from which on the sections stand apart."""
_BAD, _DIM, _HEAD = "bold red", "dim", "bold"
_UNKNOWN = "?"


def draw(frame: Frame, *, width: int, height: int | None = None) -> RenderableType:
    """The whole screen in `width` columns and at most `height` lines; without a `height` nothing is left out."""
    first = held(frame)
    sections = [
        *([] if first is None else [first]),
        workers(frame),
        running_jobs(frame),
        firings(frame),
        failures(frame),
    ]
    spaced = height is None or height >= SPACIOUS
    used = HEADER_LINES + QUEUE_LINES + bool(_parked(frame.queue)) + len(sections) * (2 if spaced else 1)
    problems = _problem_lines(frame.problems(), width, None if height is None else height - used - len(sections))
    used += len(problems)
    parts: list[RenderableType] = [_title(frame, width), _servers(frame), _queues(frame.queue), *problems]
    for section, lines in zip(sections, _lines(sections, None if height is None else height - used), strict=True):
        parts += [Text()] if spaced else []
        parts.append(section.drawn(width, lines))
    return Group(*parts)


def _lines(sections: Sequence[Section], room: int | None) -> list[int]:
    """How many lines each section gets: the modest part of everybody first, then what is left."""
    wanted = [section.wanted for section in sections]
    if room is None:
        return wanted
    modest = [min(section.wanted, section.modest or section.wanted) for section in sections]
    given = share_out(modest, room)
    left = room - sum(given)
    for number, wants in enumerate(wanted):
        more = min(left, wants - given[number])
        given[number] += more
        left -= more
    return given


def _title(frame: Frame, width: int) -> RenderableType:
    line = Table.grid(expand=True)
    line.add_column(no_wrap=True)
    line.add_column(no_wrap=True, justify="right")
    taken_at = frame.taken_at.astimezone(MARKET_ZONE)
    line.add_row(Text("pregao top", style=_HEAD), Text(f"{taken_at:%a %Y-%m-%d %H:%M:%S}  q quits", style=_DIM))
    line.width = width
    return line


def _servers(frame: Frame) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    for name, address, problem in (
        ("Redis", frame.redis_address, frame.queue_problem),
        ("PostgreSQL", frame.database_address, frame.store_problem),
    ):
        mark = Text("● ", style="green") if problem is None else Text("✗ ", style=_BAD)
        line += Text("  ") + mark if line else mark
        line += Text.assemble(f"{name} ", (_place(address), _DIM))
    return line


def _place(address: str) -> str:
    """Where a server is, without what every address says."""
    scheme, _, rest = address.partition("?")[0].partition("://")
    return printable(rest if scheme == "unix" else rest.rpartition("@")[2])


def _queues(queue: Overview | None) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style=_HEAD)
    table.add_column("queue", no_wrap=True)
    for heading in (*(priority.value for priority in JobPriority), "total"):
        table.add_column(heading, justify="right", no_wrap=True, min_width=6)
    shares = (None, None, None) if queue is None else (queue.ready, queue.delayed, queue.running)
    for name, share in zip(("ready", "delayed", "running"), shares, strict=True):
        table.add_row(name, *_counts(share))
    if parked := _parked(queue):
        table.add_row("parked", *map(str, parked))
    both = Table.grid(padding=(0, 4, 0, 0))
    both.add_row(table, _totals(queue))
    return both


def _parked(queue: Overview | None) -> list[int]:
    """Jobs that are held back, by priority and in all; nothing when there are none."""
    if queue is None or not queue.parked:
        return []
    counts = [sum(by_priority[priority] for by_priority in queue.parked.values()) for priority in JobPriority]
    return [*counts, sum(counts)]


def _counts(share: Share | None) -> list[str]:
    if share is None:
        return [_UNKNOWN] * (len(JobPriority) + 1)
    least = "" if share.is_complete else "≥"
    return [f"{least}{share.by_priority[priority]}" for priority in JobPriority] + [str(share.total)]


def _totals(queue: Overview | None) -> RenderableType:
    """What does not fit into the table of priorities: the outbox, the slots, the schedulers."""
    if queue is None:
        return Text()
    outbox, slots = queue.outbox, sum(worker.slots for worker in queue.workers)
    busy = sum(worker.used_slots for worker in queue.workers)
    late = _BAD if outbox.lag_seconds > LAG_SECONDS else ""
    lines = Table(box=None, show_header=False, padding=(0, 1, 0, 0))
    lines.add_row(Text("outbox", style=_HEAD), Text(f"{outbox.entries} facts, {outbox.lag_seconds:.1f} s", style=late))
    if outbox.dead:
        lines.add_row(Text("refused", style=_HEAD), Text(f"{outbox.dead} facts", style=_BAD))
    lines.add_row(Text("slots", style=_HEAD), f"{busy} of {slots} busy")
    lines.add_row(Text("schedulers", style=_HEAD), str(len(queue.schedulers)))
    return lines


def _problem_lines(problems: Sequence[str], width: int, room: int | None) -> list[Text]:
    """The problems, each in two lines at most, and how many there is no room for; all of them without a `room`."""
    whole = room is None
    most = PROBLEMS if room is None else min(PROBLEMS, max(1, room // PROBLEM_LINES))
    shown = problems if whole or len(problems) <= most else problems[: most - 1]
    lines: list[Text] = []
    for problem in shown:
        wrapped = textwrap.wrap(printable(problem), width - 2) or [""]
        if not whole and len(wrapped) > PROBLEM_LINES:
            wrapped = textwrap.wrap(
                printable(problem), width - 2, max_lines=PROBLEM_LINES, placeholder=" …", break_long_words=True
            )
        # It was wrapped by letters, and some take two cells.
        lines += [
            Text(f"{'✗ ' if not number else '  '}{line}", style=_BAD, no_wrap=not whole, overflow="ellipsis")
            for number, line in enumerate(wrapped)
        ]
    if len(shown) < len(problems):
        lines.append(Text(f"✗ … and {len(problems) - len(shown)} more problems", style=_BAD))
    return lines
