"""The sample market's register of companies, at every hour of a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pregao.domain.clock import MARKET_ZONE, ManualClock
from pregao.sample_market.market import Market
from pregao.sample_market.papers import papers_of
from pregao.sample_market.sources.b3_companies import _detail


@pytest.mark.parametrize("hour", range(24))
def test_a_companys_record_is_never_dated_in_the_future(hour: int) -> None:
    now = datetime(2026, 11, 24, hour, 5, tzinfo=UTC)
    record = _detail(Market(1, ManualClock(now)), list(papers_of("PETR")))
    told = datetime.strptime(str(record["lastDate"]), "%d/%m/%Y %H:%M:%S").replace(tzinfo=MARKET_ZONE)
    assert now - timedelta(days=6) < told <= now
