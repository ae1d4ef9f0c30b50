"""What goes wrong with real sources: now and then an answer is a refusal, or an error, and all of them take a while."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from pregao.domain.clock import Clock
from pregao.sample_market.answer import HTML, TEXT, Answer, json_of
from pregao.sample_market.draws import Draws
from pregao.sample_market.sources import chatgpt, coinmarketcap, gemini

FIRST_AFTER = (2, 6)
"""The first fault of a source comes with one of these requests to it."""
THEN_AFTER = (14, 30)
"""And the following ones after so many more."""
REST = timedelta(seconds=30)
"""The least time between two faults of a source: a job's retries (2, 4, 8 s) must find it well."""
RETRY_AFTER_SECONDS = 3

_BAD_GATEWAY = Answer(
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n"
    b"<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n",
    HTML,
    502,
)
_BLOCKED = Answer(
    b'<!DOCTYPE html><html lang="en-US"><head><title>Attention Required! | Cloudflare</title></head><body>'
    b'<div id="cf-error-details"><h1>Sorry, you have been blocked</h1></div></body></html>',
    HTML,
    403,
)
_CHECKED = Answer(
    b'<!DOCTYPE html><html lang="en-US"><head><title>Just a moment...</title></head><body>'
    b'<h2 id="challenge-running">Checking if the site connection is secure</h2></body></html>',
    HTML,
    403,
)
_TOO_FAST = Answer(b"Too Many Requests\r\n", TEXT, 429, {"Retry-After": str(RETRY_AFTER_SECONDS)})
_PAGE = Answer(
    b"<!DOCTYPE html><html><head><title>Banco Central do Brasil</title></head><body>indisponivel</body></html>", HTML
)


def _hurried(answer: Answer) -> Answer:
    return Answer(answer.body, answer.content_type, answer.status, _TOO_FAST.headers)


def _busy() -> Answer:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return json_of({"status": coinmarketcap.status(now, coinmarketcap.BUSY)})


_KINDS: Mapping[str, tuple[Callable[[], Answer], ...]] = {
    "b3": (lambda: _BAD_GATEWAY,),
    "bcb": (lambda: _PAGE, lambda: _BAD_GATEWAY),
    "statusinvest": (lambda: _BLOCKED,),
    "fundamentus": (lambda: _BAD_GATEWAY,),
    "coinmarketcap": (_busy, lambda: _TOO_FAST),
    "googlenews": (lambda: _TOO_FAST,),
    "valor": (lambda: _BAD_GATEWAY,),
    "opcoes": (lambda: _BLOCKED,),
    "chatgpt": (lambda: _hurried(chatgpt.error("Rate limit reached.", 429, "requests", "rate_limit_exceeded")),),
    "gemini": (lambda: gemini.error(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),),
    "bloomberg": (lambda: _TOO_FAST,),
    "tradingview": (lambda: _BAD_GATEWAY, lambda: _TOO_FAST),
    "investidor10": (lambda: _CHECKED,),
    "investing": (lambda: _CHECKED,),
}
"""What happens to each source; kinds take turns."""


Target = tuple[str, str, bytes]
"""A request: its path, query and body."""


class Faults:
    """Decides for each request whether it fails, by the seed and the order of requests to its source.

    A request that failed is answered the next time, whatever else is due.
    """

    def __init__(self, draws: Draws, clock: Clock) -> None:
        self._draws = draws
        self._clock = clock
        self._left: dict[str, int] = {}
        self._count: dict[str, int] = {}
        self._owed: dict[str, Target] = {}
        self._at: dict[str, datetime] = {}

    def of(self, source: str, target: Target) -> Answer | None:
        """The fault that a request to `source` meets in place of its answer; None for most of them."""
        if source not in _KINDS:
            return None
        left = self._left.get(source, self._draws.of("fault", source).randrange(*FIRST_AFTER))
        if self._is_spared(source, target) or left > 1:
            self._left[source] = max(1, left - 1)
            return None
        number = self._count[source] = self._count.get(source, 0) + 1
        self._left[source] = self._draws.of("fault", source, number).randrange(*THEN_AFTER)
        self._owed[source], self._at[source] = target, self._clock.now()
        kinds = _KINDS[source]
        return kinds[(number - 1) % len(kinds)]()

    def _is_spared(self, source: str, target: Target) -> bool:
        if self._owed.get(source) == target:
            del self._owed[source]
            return True
        return source in self._at and self._clock.now() - self._at[source] < REST


class Latency:
    """How long each answer takes: usually some dozen milliseconds, a model a good deal more."""

    def __init__(self, draws: Draws) -> None:
        self._draws = draws
        self._count = 0

    def seconds(self, source: str) -> float:
        """For the next answer of `source`."""
        self._count += 1
        low, high = (0.6, 1.6) if source in ("chatgpt", "gemini") else (0.02, 0.2)
        return self._draws.between(low, high, "latency", self._count)
