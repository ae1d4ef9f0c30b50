"""Statistics of results: counts, success rate and mean response time, and the spellings of one scraper put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from pregao.domain.clock import market_iso
from pregao.domain.names import fold


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """What some results come to. `response_time_seconds` is the sum over the `measured_jobs`.

    `ignored_jobs` failed in a way that says nothing against their scraper: they are no failures, and count in no rate.
    """

    total_jobs: int = 0
    successful_jobs: int = 0
    failed_jobs: int = 0
    ignored_jobs: int = 0
    measured_jobs: int = 0
    response_time_seconds: float = 0.0
    last_execution: datetime | None = None

    def __add__(self, other: Statistics) -> Statistics:
        moments = [moment for moment in (self.last_execution, other.last_execution) if moment is not None]
        return Statistics(
            total_jobs=self.total_jobs + other.total_jobs,
            successful_jobs=self.successful_jobs + other.successful_jobs,
            failed_jobs=self.failed_jobs + other.failed_jobs,
            ignored_jobs=self.ignored_jobs + other.ignored_jobs,
            measured_jobs=self.measured_jobs + other.measured_jobs,
            response_time_seconds=self.response_time_seconds + other.response_time_seconds,
            last_execution=max(moments, default=None),
        )

    def document(self) -> dict[str, Any]:
        """As every door shows it: the rate in percent, the mean in seconds (None while nothing was measured)."""
        counted = self.total_jobs - self.ignored_jobs
        rate = 100 * self.successful_jobs / counted if counted else 0.0
        mean = self.response_time_seconds / self.measured_jobs if self.measured_jobs else None
        return {
            "total_jobs": self.total_jobs,
            "successful_jobs": self.successful_jobs,
            "failed_jobs": self.failed_jobs,
            "ignored_jobs": self.ignored_jobs,
            "success_rate": round(rate, 2),
            "avg_response_time_seconds": None if mean is None else round(mean, 3),
            "last_execution": market_iso(self.last_execution),
        }


def statistics_of(row: Mapping[str, Any]) -> Statistics:
    """A row of `summarise` or `summarise_by_scraper`."""
    return Statistics(
        total_jobs=row["total_jobs"],
        successful_jobs=row["successful_jobs"],
        failed_jobs=row["failed_jobs"],
        ignored_jobs=row["ignored_jobs"],
        measured_jobs=row["measured_jobs"],
        response_time_seconds=float(row["response_time"] or 0),
        last_execution=row["last_execution"],
    )


def by_scraper(rows: Sequence[tuple[str, Statistics]], full_name: Callable[[str], str]) -> list[dict[str, Any]]:
    """Documents by scraper, the busiest first; `rows` are by the name that was given, the most frequent first.

    `full_name` knows the scraper that a loose name means, and answers the name itself where it knows none. Names that
    differ in case, accents and punctuation alone count as one then, told in their most frequent spelling.
    """
    groups: dict[str, tuple[str, Statistics]] = {}
    for given, statistics in rows:
        name = full_name(given)
        key = fold(name) or name
        told, sum_so_far = groups.get(key, (name, Statistics()))
        groups[key] = told, sum_so_far + statistics
    ordered = sorted(groups.values(), key=lambda group: (-group[1].total_jobs, group[0]))
    return [{"scraper_name": name, **statistics.document()} for name, statistics in ordered]
