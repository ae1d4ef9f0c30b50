"""The sessions that have been, numbered, so that walks know their days."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import date

from pregao.domain.calendar import next_session

FIRST_DAY = date(2024, 1, 2)


class Sessions:
    """B3's sessions since the beginning of 2024."""

    def __init__(self) -> None:
        self._days = [FIRST_DAY]

    def number(self, day: date) -> int:
        """The number of the last session on or before `day`; negative before the first."""
        self._know(day)
        return bisect_right(self._days, day) - 1

    def back_from(self, day: date, count: int) -> list[date]:
        """The `count` sessions up to and including `day`, oldest first; fewer near the beginning."""
        self._know(day)
        end = bisect_right(self._days, day)
        return self._days[max(0, end - count) : end]

    def since(self, first: date, last: date) -> list[date]:
        """The sessions from `first` to `last`."""
        self._know(last)
        return self._days[bisect_left(self._days, first) : bisect_right(self._days, last)]

    def _know(self, day: date) -> None:
        while self._days[-1] < day:
            self._days.append(next_session(self._days[-1]).day)
