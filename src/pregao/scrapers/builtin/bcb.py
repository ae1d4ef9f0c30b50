"""BCB: the latest value of a series of Banco Central do Brasil, from its open SGS service."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import partial

from pregao.domain.calendar import market_day
from pregao.domain.clock import MARKET_ZONE, Clock, market_iso
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.base import BaseScraper, Collected, ScraperSettings
from pregao.scrapers.builtin import bcb_ptax, bcb_sgs, bcb_soap
from pregao.scrapers.builtin.bcb_sgs import Observation, Series
from pregao.scrapers.fallback import Way, first_of
from pregao.scrapers.http import Reply, Site
from pregao.scrapers.json_answers import refuse_future
from pregao.scrapers.loop_local import LoopLocal
from pregao.scrapers.single_flight import Shared

SGS = "https://api.bcb.gov.br"
RECENT_ROWS = 30
FRESH_SECONDS = 60.0

# SGS refuses windows of more than ten years for daily series.
_LONGEST_WINDOW = timedelta(days=3650)
_PTAX = {1: None, 21619: "EUR"}
"""The series that are PTAX rates, and their currency as Olinda calls it; the dollar has a path of its own."""

_Key = tuple[int, date, date]
_Published = tuple[tuple[Observation, ...], str]
"""Values, and the address that they are from; none for a window without values."""


class BCBScraper(BaseScraper):
    """Takes SELIC, IPCA, IGPM, USD, EUR, CDI in any case, or the number of an SGS series."""

    name = "BCB"
    source = "Banco Central do Brasil"
    canary = "SELIC"

    def __init__(self, settings: ScraperSettings, clock: Clock | None = None) -> None:
        super().__init__(settings, clock)
        self._site = Site("bcb", settings)

    async def collect(self, argument: str | None) -> Collected:
        """The latest value up to today in São Paulo, the one before it, and up to 30 recent rows.

        SGS is known for bursts of errors: while it fails in a passing way, exchange rates come from Olinda, and
        everything from the SOAP door of SGS, which is another server.
        """
        series = bcb_sgs.find_series(argument)
        today = market_day(self._clock.now())
        others = [Way(bcb_soap.SOAP, lambda: self._from_soap(series, today))]
        if series.number in _PTAX:
            others.insert(0, Way(bcb_ptax.OLINDA, lambda: self._from_ptax(series, today)))
        return await first_of(Way(SGS, lambda: self._from_sgs(series, today)), *others)

    async def _from_sgs(self, series: Series, today: date) -> Collected:
        # The second window is for series of few values: quarterly, yearly, or ended.
        for window in (series.window, _LONGEST_WINDOW):
            first = today - window
            ask = partial(self._ask, series, first, today)
            published, url = await self._shared().get((series.number, first, today), ask)
            values = bcb_sgs.until(published, today)
            if values:
                counts = {"rows": len(published), "future_rows": len(published) - len(values)}
                return Collected(describe(series, values, url), counts)
        raise _no_value(series, today)

    async def _from_ptax(self, series: Series, today: date) -> Collected:
        currency = _PTAX[series.number]
        path = bcb_ptax.CURRENCY_PATH if currency else bcb_ptax.DOLLAR_PATH
        query = bcb_ptax.period(today - series.window, today, currency)
        reply = await self._site.get(bcb_ptax.OLINDA, path, params=query)
        rates = bcb_ptax.parse_ptax(reply.body, bulletins=currency is not None)
        by_day = {market_day(rate.published_at): rate for rate in rates}
        rows = tuple(Observation(day, by_day[day].sell) for day in sorted(by_day))
        collected = self._collected(series, rows, today, reply)
        published_at = by_day[date.fromisoformat(str(collected.data["date"]))].published_at
        refuse_future("BCB's PTAX answer", published_at, self._clock.now())
        return replace(collected, data={**collected.data, "as_of": market_iso(published_at)})

    async def _from_soap(self, series: Series, today: date) -> Collected:
        reply = await self._site.post(
            bcb_soap.SOAP,
            bcb_soap.SOAP_PATH,
            bcb_soap.question(series.number, today - series.window, today),
            bcb_soap.CONTENT_TYPE,
            headers=bcb_soap.HEADERS,
            accept=frozenset({500}),
        )
        return self._collected(series, bcb_soap.parse_soap(reply.body, series.number), today, reply)

    @staticmethod
    def _collected(series: Series, rows: tuple[Observation, ...], today: date, reply: Reply) -> Collected:
        values = bcb_sgs.until(rows, today)
        if not values:
            raise _no_value(series, today)
        return Collected(describe(series, values, reply.url))

    async def _ask(self, series: Series, first: date, last: date) -> _Published:
        reply = await self._site.get(
            SGS,
            f"/dados/serie/bcdata.sgs.{series.number}/dados",
            params={"formato": "json", "dataInicial": f"{first:%d/%m/%Y}", "dataFinal": f"{last:%d/%m/%Y}"},
            accept=frozenset({404, 406}),
        )
        if reply.status == 406:
            words = bcb_sgs.parse_sgs_refusal(reply.body)
            raise ScrapeError(f"BCB refuses the window {first} to {last}: {words}", FailureClass.VALIDATION)
        return (() if reply.status == 404 else self._parse(series, reply)), reply.url

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

    def _shared(self) -> Shared[_Key, _Published]:
        """What all jobs of this event loop share: those that want the same series at once wait for one request."""
        return _series.get().setdefault(self._site.origin(SGS), Shared(self._clock, FRESH_SECONDS))


_series: LoopLocal[dict[str, Shared[_Key, _Published]]] = LoopLocal(dict)


def _no_value(series: Series, today: date) -> ScrapeError:
    return ScrapeError(f"SGS series {series.number} has no value up to {today}", FailureClass.NOT_FOUND)


def describe(series: Series, values: tuple[Observation, ...], url: str) -> dict[str, object]:
    """The result's `data`: flat, values in the series' unit, dates ISO; `values` is sorted and not empty.

    `as_of` is the beginning of the latest value's day: SGS has dates alone.
    """
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
