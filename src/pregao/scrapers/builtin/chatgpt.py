"""ChatGPT: an analysis of a ticker from what is stored about it, or the answer to a prompt."""

from __future__ import annotations

from pregao.domain.clock import Clock
from pregao.scrapers.ai.answer import Answer
from pregao.scrapers.ai.consultation import READ_TIMEOUT_SECONDS, AISettings, Consultation
from pregao.scrapers.base import BaseScraper, Collected, NotConfigured
from pregao.scrapers.builtin.chatgpt_answer import parse_completion, refused_completion
from pregao.scrapers.http import Site
from pregao.scrapers.stored import NothingStored, StoredResults

ORIGIN = "https://api.openai.com"
COMPLETIONS = "/v1/chat/completions"
KEY = "OPENAI_API_KEY"


class ChatGPTScraper(BaseScraper):
    """Takes a ticker, or a whole prompt."""

    name = "ChatGPT"
    source = "OpenAI"
    needs = (KEY,)

    def __init__(
        self, settings: AISettings, clock: Clock | None = None, *, stored: StoredResults | None = None
    ) -> None:
        super().__init__(settings, clock)
        self._model = settings.chatgpt_model
        self._max_tokens = settings.ai_max_tokens
        self._consultation = Consultation(settings, self._clock, stored or NothingStored())

    async def collect(self, argument: str | None) -> Collected:
        """The model's answer, with what it took and costs."""
        key = self._settings.secret(KEY)
        if key is None:
            raise NotConfigured(KEY)
        site = Site(
            "chatgpt",
            self._settings,
            secret_headers={"Authorization": f"Bearer {key}"},
            read_timeout_seconds=READ_TIMEOUT_SECONDS,
        )

        async def ask(prompt: str) -> Answer:
            request = {
                "model": self._model,
                "messages": [{"role": "user", "content": prompt}],
                "max_completion_tokens": self._max_tokens,
                "stream": False,
            }
            reply = await site.post_json(ORIGIN, COMPLETIONS, request, accept=frozenset(range(400, 600)))
            if reply.status != 200:
                told = refused_completion(reply.status, reply.body, key, reply.retry_after_seconds)
                raise told or reply.refusal()
            return parse_completion(reply.body, key)

        return await self._consultation.hold(argument, ask, site.origin(ORIGIN) + COMPLETIONS)
