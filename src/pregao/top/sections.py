"""The sections of the screen: workers, running jobs, next firings, failures. Each is a table that can be cut."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pregao.domain.clock import MARKET_ZONE
from pregao.queue.overview import RunningJob
from pregao.queue.views import WorkerFacts, is_alive
from pregao.terminal import printable
from pregao.top.frame import Failure, Frame

NARROW, WIDE, WIDEST = 80, 100, 140
"""Widths of a screen: for which the least is laid out, and from which on there is room for more."""
GAP = 2
_BAD, _DIM, _HEAD = "bold red", "dim", "bold cyan"

Cell = str | Text


class Column(msgspec.Struct, frozen=True):
    """One column. Its cells are never cut, unless it is `flexible`; `most` is then its width on a narrow screen.

    Screens narrower than `least_screen` go without it.
    """

    heading: str
    flexible: bool = False
    most: int | None = None
    right: bool = False
    least_screen: int = 0

    def natural_width(self, cells: Sequence[Text], screen_width: int) -> int:
        """The width at which nothing is cut, within what the column may have on such a screen."""
        width = max([len(self.heading), *(cell.cell_len for cell in cells)])
        return width if self.most is None else min(width, self.most + max(0, screen_width - NARROW) // 4)


class Section(msgspec.Struct, frozen=True):
    """A section; `absent` is what stands in place of rows when there are none.

    Beyond `modest` lines it takes only what the other sections leave.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    absent: str
    modest: int | None = None

    @property
    def wanted(self) -> int:
        """Lines that it needs below its headings."""
        return max(1, len(self.rows))

    def drawn(self, width: int, lines: int) -> RenderableType:
        """The section in `lines` lines below its headings; what is cut is counted in the last of them."""
        cut = len(self.rows) > lines
        shown = self.rows[: lines - 1] if cut else self.rows
        table = self._table(shown, width)
        if shown and not cut:
            return table
        return Group(table, Text(f"… {len(self.rows) - len(shown)} more" if cut else self.absent, style=_DIM))

    def _table(self, rows: Sequence[Sequence[Cell]], width: int) -> Table:
        kept = [number for number, column in enumerate(self.columns) if width >= column.least_screen]
        columns = [self.columns[number] for number in kept]
        cells = [[_as_text(row[number]) for number in kept] for row in rows]
        table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style=_HEAD)
        for column, column_width in zip(columns, _widths(columns, cells, width), strict=True):
            justify: Literal["right", "left"] = "right" if column.right else "left"
            table.add_column(column.heading, no_wrap=True, overflow="ellipsis", justify=justify, width=column_width)
        for row in cells:
            table.add_row(*row)
        return table


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[Text]], width: int) -> list[int]:
    """Widths that fit: the flexible columns share what the others leave."""
    natural = [column.natural_width([row[at] for row in rows], width) for at, column in enumerate(columns)]
    flexible = [at for at, column in enumerate(columns) if column.flexible]
    room = width - GAP * (len(columns) - 1) - sum(natural) + sum(natural[at] for at in flexible)
    for at, share in zip(flexible, share_out([natural[at] for at in flexible], room), strict=True):
        natural[at] = share
    return natural


def share_out(wanted: Sequence[int], room: int) -> list[int]:
    """What each gets of `room`: what it wants as far as an equal share goes, and 1 at least.

    >>> share_out([1, 9, 3, 9], 14)
    [1, 5, 3, 5]
    """
    given = [1] * len(wanted)
    left = room - len(wanted)
    while left > 0 and any(has < wants for has, wants in zip(given, wanted, strict=True)):
        for number, wants in enumerate(wanted):
            if left > 0 and given[number] < wants:
                given[number] += 1
                left -= 1
    return given


_WORKERS = (
    Column("worker", flexible=True, most=24),
    Column("pid", right=True),
    Column("slots", right=True),
    Column("running", right=True),
    Column("state"),
    Column("heartbeat", right=True),
    Column("version", least_screen=WIDE),
)
_RUNNING = (
    Column("running", right=True),
    Column("scraper", flexible=True, most=18),
    Column("argument", flexible=True, most=24),
    Column("attempt", right=True),
    Column("priority", least_screen=WIDE),
    Column("worker", flexible=True, most=24),
    Column("job", least_screen=WIDEST),
    Column(""),
)
_FIRINGS = (
    Column("next", right=True),
    Column("fires at"),
    Column("schedule", flexible=True, most=30),
    Column("scraper", flexible=True, most=18),
    Column("jobs", right=True),
)
_FAILURES = (
    Column("failed at"),
    Column("scraper", flexible=True, most=15),
    Column("argument", flexible=True, most=12),
    Column("attempt", least_screen=WIDE),
    Column("class", flexible=True, most=12),
    Column("error", flexible=True),
)


def _as_text(cell: Cell) -> Text:
    # A bare string would be read as markup.
    return cell if isinstance(cell, Text) else Text(cell)


def workers(frame: Frame) -> Section:
    """Who runs jobs: those that are silent are marked."""
    if frame.queue is None:
        return Section(_WORKERS, [], "not known while Redis is away")
    now = frame.queue.now
    rows = [_worker_row(worker, now) for worker in sorted(frame.queue.workers, key=lambda one: (one.host, one.pid))]
    return Section(_WORKERS, rows, "none")


def _worker_row(worker: WorkerFacts, now: datetime) -> list[Cell]:
    silence = (now - worker.heartbeat_at) if worker.heartbeat_at else timedelta()
    alive = is_alive(worker, now)
    works = worker.state == "working" and not worker.held
    state = Text("held" if worker.held else printable(worker.state), style="green" if works else "yellow")
    return [
        printable(worker.host or worker.id), str(worker.pid),
        f"{worker.used_slots}/{worker.slots}", str(worker.running),
        state if alive else Text("silent", style=_BAD), Text(f"{duration(silence)} ago", style="" if alive else _BAD),
        printable(worker.version),
    ]  # fmt: skip


def running_jobs(frame: Frame) -> Section:
    """What runs now, the one that runs for longest in front."""
    if frame.queue is None:
        return Section(_RUNNING, [], "not known while Redis is away")
    now = frame.queue.now
    return Section(_RUNNING, [_running_row(job, now) for job in frame.queue.running_jobs], "none")


def _running_row(job: RunningJob, now: datetime) -> list[Cell]:
    remark = Text()
    if job.lease_ends_at < now:
        remark = Text("lease over", style=_BAD)
    elif job.cancel_requested:
        remark = Text("cancelling", style="yellow")
    return [
        "-" if job.started_at is None else duration(now - job.started_at),
        printable(job.scraper_name), _argument(job.ticker), str(job.attempt), job.priority,
        printable(job.worker.rpartition(":")[0] or job.worker), job.id, remark,
    ]  # fmt: skip


def firings(frame: Frame) -> Section:
    """What the schedule file says will fire next."""
    rows: list[list[Cell]] = [
        [
            f"in {duration(firing.at - frame.taken_at)}",
            f"{firing.at.astimezone(MARKET_ZONE):%a %m-%d %H:%M:%S}",
            printable(firing.name), printable(firing.scraper), str(firing.jobs),
        ]
        for firing in frame.firings
    ]  # fmt: skip
    return Section(_FIRINGS, rows, "none", modest=3)


def failures(frame: Frame) -> Section:
    """The latest attempts that failed."""
    if frame.failures is None:
        return Section(_FAILURES, [], "not known while PostgreSQL is away")
    return Section(_FAILURES, [_failure_row(failure, frame.taken_at) for failure in frame.failures], "none")


def _failure_row(failure: Failure, now: datetime) -> list[Cell]:
    ended_at = datetime.fromisoformat(failure.ended_at).astimezone(MARKET_ZONE)
    today = ended_at.date() == now.astimezone(MARKET_ZONE).date()
    return [
        f"{ended_at:%H:%M:%S}" if today else f"{ended_at:%m-%d %H:%M}",
        printable(failure.scraper_name), _argument(failure.ticker), str(failure.attempt),
        Text(printable(failure.error_class or "-"), style="yellow"), printable(failure.error or "-"),
    ]  # fmt: skip


def _argument(ticker: str | None) -> Cell:
    return Text("-", style=_DIM) if ticker is None else printable(ticker)


def duration(span: timedelta) -> str:
    """A span in its two largest units.

    >>> [duration(timedelta(seconds=seconds)) for seconds in (-1, 9.7, 75, 3700, 200_000)]
    ['0 s', '9 s', '1 m 15 s', '1 h 01 m', '2 d 07 h']
    """
    seconds = max(0, int(span.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} m {seconds % 60:02} s"
    if seconds < 86_400:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02} m"
    return f"{seconds // 86_400} d {seconds % 86_400 // 3600:02} h"
