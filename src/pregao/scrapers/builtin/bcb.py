"""BCB: the latest value of a series of Banco Central do Brasil, from its open SGS service."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from loguru import logger

from pregao.domain.calendar import market_day
from pregao.domain.clock import MARKET_ZONE, Clock
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.base import BaseScraper, Collected, ScraperSettings
from pregao.scrapers.builtin import bcb_ptax, bcb_sgs
from pregao.scrapers.builtin.bcb_sgs import Observation, Series
from pregao.scrapers.http import Reply, Site

SGS = "https://api.bcb.gov.br"
RECENT_ROWS = 30
DOLLAR = 1

# SGS refuses windows of more than ten years for daily series.
_LONGEST_WINDOW = timedelta(days=3650)


class BCBScraper(BaseScraper):
    """Takes SELIC, IPCA, IGPM, USD, EUR, CDI in any case, or the number of an SGS series."""

    name = "BCB"
    source = "Banco Central do Brasil"
    canary = "SELIC"

    def __init__(self, settings: ScraperSettings, clock: Clock | None = None) -> None:
        super().__init__(settings, clock)
        self._site = Site("bcb", settings)

    async def collect(self, argument: str | None) -> Collected:
        """The latest value up to today in São Paulo, the one before it, and up to 30 recent rows."""
        series = bcb_sgs.find_series(argument)
        today = market_day(self._clock.now())
        try:
            return await self._from_sgs(series, today)
        except ScrapeError as error:
            # The same rate, from another service of the bank: SGS is known for bursts of errors.
            found = await self._from_ptax(series, today, error) if series.number == DOLLAR else None
            if found is None:
                raise
            return found

    async def _from_sgs(self, series: Series, today: date) -> Collected:
        # The second window is for series of few values: quarterly, yearly, or ended.
        for window in (series.window, _LONGEST_WINDOW):
            reply = await self._ask(series, today - window, today)
            if reply.status == 404:
                continue
            published = self._parse(series, reply)
            values = bcb_sgs.until(published, today)
            if values:
                counts = {"rows": len(published), "future_rows": len(published) - len(values)}
                return Collected(describe(series, values, reply.url), counts)
        raise ScrapeError(f"SGS series {series.number} has no value up to {today}", FailureClass.NOT_FOUND)

    async def _from_ptax(self, series: Series, today: date, error: ScrapeError) -> Collected | None:
        """The dollar from Olinda when SGS failed in a passing way; None when that does not help either."""
        if not error.retryable:
            return None
        try:
            window = bcb_ptax.period(today - series.window, today)
            reply = await self._site.get(bcb_ptax.OLINDA, bcb_ptax.PATH, params=window)
            rates = bcb_ptax.parse_ptax(reply.body)
        except ScrapeError as also:
            logger.debug("PTAX cannot stand in for SGS: {}", also)
            return None
        by_day = {market_day(rate.published_at): rate.sell for rate in rates}
        values = bcb_sgs.until(tuple(Observation(day, value) for day, value in by_day.items()), today)
        if not values:
            return None
        return Collected(describe(series, values, reply.url), {"instead_of": SGS, "because": str(error)})

    async def _ask(self, series: Series, first: date, last: date) -> Reply:
        reply = await self._site.get(
            SGS,
            f"/dados/serie/bcdata.sgs.{series.number}/dados",
            params={"formato": "json", "dataInicial": f"{first:%d/%m/%Y}", "dataFinal": f"{last:%d/%m/%Y}"},
            accept=frozenset({404, 406}),
        )
        if reply.status == 406:
            words = bcb_sgs.parse_sgs_refusal(reply.body)
            raise ScrapeError(f"BCB refuses the window {first} to {last}: {words}", FailureClass.VALIDATION)
        return reply

    @staticmethod
    def _parse(series: Series, reply: Reply) -> tuple[Observation, ...]:
        try:
            return bcb_sgs.parse_sgs(reply.body)
        except ScrapeError as error:
            if error.failure_class is FailureClass.BLOCKED and series.frequency is None:
                raise ScrapeError(
                    f"BCB answers with a page: SGS series {series.number} does not exist", FailureClass.NOT_FOUND
                ) from error
            raise


def describe(series: Series, values: tuple[Observation, ...], url: str) -> dict[str, object]:
    """The result's `data`: flat, values in the series' unit, dates ISO; `values` is sorted and not empty."""
    latest, previous = values[-1], values[-2] if len(values) > 1 else None
    monthly = series.frequency == "monthly"
    return {
        "indicator": series.code,
        "series": series.number,
        "name": series.name,
        "unit": series.unit,
        "frequency": series.frequency,
        "value": latest.value,
        "date": latest.day.isoformat(),
        "previous_value": previous.value if previous else None,
        "previous_date": previous.day.isoformat() if previous else None,
        "accumulated_12m_pct": bcb_sgs.accumulated_12_months(values) if monthly else None,
        "as_of": datetime.combine(latest.day, time(), MARKET_ZONE).isoformat(),
        "url": url,
        "recent": [{"date": row.day.isoformat(), "value": row.value} for row in values[-RECENT_ROWS:]],
    }
