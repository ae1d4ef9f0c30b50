"""The gate that every result passes: what the checks of its scraper say of it."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson
from loguru import logger

from pregao.domain.errors import StoreUnavailable
from pregao.limits.block_texts import may_hold_block_text
from pregao.limits.checks import LastGood, check_result, told
from pregao.limits.last_good import LastGoodValues
from pregao.limits.values import ResultChecks

_UNKNOWN = "the deviation from the last good value was not checked: {}"


class Judgement(msgspec.Struct, frozen=True):
    """What became of a result: `failure` says why it is none, `metadata` what is to be stored with one that is."""

    failure: str | None = None
    metadata: dict[str, Any] = {}


class ResultGate:
    """Judges results. Costs next to nothing for a scraper without checks of its own."""

    def __init__(self, last_good: LastGoodValues) -> None:
        self._last_good = last_good

    async def judge(self, scraper: str, ticker: str | None, document: bytes, checks: ResultChecks) -> Judgement:
        """Judge a result's JSON. Never raises; never waits longer than for one answer of PostgreSQL."""
        if not _needs_a_look(document, checks):
            return Judgement()
        data = orjson.loads(document)
        last, skipped = await self._find_last(scraper, ticker, checks)
        metadata = {"checks_skipped": [skipped]} if skipped else {}
        problems = check_result(data, checks, last)
        if not problems:
            if checks.max_deviation:
                self._last_good.remember(scraper, ticker, checks.max_deviation, data)
            return Judgement(metadata=metadata)
        if checks.on_failure == "fail":
            return Judgement(told(problems), metadata)
        logger.warning("{} {}: {}; it is recorded as suspect", scraper, ticker or "", told(problems))
        return Judgement(metadata={**metadata, "suspect": problems})

    async def _find_last(
        self, scraper: str, ticker: str | None, checks: ResultChecks
    ) -> tuple[LastGood | None, str | None]:
        """The last good values, or why they are not known."""
        if not checks.max_deviation:
            return None, None
        try:
            found = await self._last_good.find(
                scraper, ticker, checks.max_deviation, max_age_days=checks.deviation_days
            )
        except StoreUnavailable as error:
            return None, _UNKNOWN.format(error)
        return found, None


def _needs_a_look(document: bytes, checks: ResultChecks) -> bool:
    own = checks.required or checks.min_fields or checks.ranges or checks.block_patterns or checks.max_deviation
    return bool(own) or (checks.block_pages and may_hold_block_text(document))
