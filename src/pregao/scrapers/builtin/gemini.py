"""Gemini: an analysis of a ticker from what is stored about it, or the answer to a prompt."""

from __future__ import annotations

from pregao.domain.clock import Clock
from pregao.scrapers.ai.answer import Answer
from pregao.scrapers.ai.consultation import READ_TIMEOUT_SECONDS, AISettings, Consultation
from pregao.scrapers.base import BaseScraper, Collected, NotConfigured
from pregao.scrapers.builtin.gemini_answer import parse_content, refused_content
from pregao.scrapers.http import Site
from pregao.scrapers.stored import NothingStored, StoredResults

ORIGIN = "https://generativelanguage.googleapis.com"
KEY = "GEMINI_API_KEY"


class GeminiScraper(BaseScraper):
    """Takes a ticker, or a whole prompt."""

    name = "Gemini"
    source = "Google Gemini"
    needs = (KEY,)

    def __init__(
        self, settings: AISettings, clock: Clock | None = None, *, stored: StoredResults | None = None
    ) -> None:
        super().__init__(settings, clock)
        self._model = settings.gemini_model
        self._max_tokens = settings.ai_max_tokens
        self._consultation = Consultation(settings, self._clock, stored or NothingStored())

    async def collect(self, argument: str | None) -> Collected:
        """The model's answer, with what it took and costs."""
        key = self._settings.secret(KEY)
        if key is None:
            raise NotConfigured(KEY)
        site = Site(
            "gemini",
            self._settings,
            secret_headers={"x-goog-api-key": key},
            read_timeout_seconds=READ_TIMEOUT_SECONDS,
        )
        path = f"/v1beta/models/{self._model}:generateContent"

        async def ask(prompt: str) -> Answer:
            request = {
                "contents": [{"role": "user", "parts": [{"text": prompt}]}],
                "generationConfig": {"maxOutputTokens": self._max_tokens, "responseModalities": ["TEXT"]},
            }
            reply = await site.post_json(ORIGIN, path, request, accept=frozenset(range(400, 600)))
            if reply.status != 200:
                raise refused_content(reply.status, reply.body, key) or reply.refusal()
            return parse_content(reply.body, key, asked_model=self._model)

        return await self._consultation.hold(argument, ask, site.origin(ORIGIN) + path)
