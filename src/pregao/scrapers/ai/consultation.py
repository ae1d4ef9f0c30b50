"""Asking a language model on behalf of a job: budget, prompt, answer, cost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from pregao.domain.calendar import market_day
from pregao.domain.clock import Clock, market_iso
from pregao.domain.errors import ScrapeError, StoreUnavailable
from pregao.domain.failure import FailureClass
from pregao.scrapers.ai import prompt
from pregao.scrapers.ai.answer import Answer, NoAnswer, Usage
from pregao.scrapers.ai.budget import require_budget
from pregao.scrapers.ai.prices import cost_usd
from pregao.scrapers.base import Collected, ScraperSettings
from pregao.scrapers.companies import as_ticker, company_of
from pregao.scrapers.stored import COST_KEY, StoredResult, StoredResults

RECENT = timedelta(days=30)
MAX_RESULTS = 12
LARGEST_RESULT_BYTES = 256 * 1024
LONGEST_PROMPT = 32_000
READ_TIMEOUT_SECONDS = 600.0
"""A model thinks for minutes before the first byte: what ends the wait is the job's own timeout."""


class AISettings(ScraperSettings, Protocol):
    """What the scrapers that ask language models read from the settings."""

    @property
    def chatgpt_model(self) -> str:
        """OpenAI's model."""

    @property
    def gemini_model(self) -> str:
        """Google's model."""

    @property
    def ai_prompt(self) -> Path | None:
        """The file of the prompt for a ticker."""

    @property
    def ai_max_tokens(self) -> int:
        """The most that an answer may take, thinking included."""

    @property
    def ai_budget_usd(self) -> float:
        """What may be spent in a month."""

    @property
    def ai_prices(self) -> dict[str, tuple[float, float]]:
        """Prices that win over ours."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked; `based_on` are the stored results in the prompt."""

    prompt: str
    ticker: str | None = None
    based_on: Sequence[StoredResult] = ()


class Consultation:
    """Runs one job: the budget first, since nothing else costs anything; then the prompt, the answer, its price."""

    def __init__(self, settings: AISettings, clock: Clock, stored: StoredResults) -> None:
        self._settings = settings
        self._clock = clock
        self._stored = stored

    async def hold(self, argument: str | None, ask: Callable[[str], Awaitable[Answer]], url: str) -> Collected:
        """Put the question behind `argument` to `ask`.

        Raises ScrapeError: PERMANENT without an argument or budget, NETWORK while PostgreSQL cannot tell what was
        spent or is stored, and what `ask` raises, with the cost in its metadata.
        """
        wanted = _wanted(argument)
        try:
            await require_budget(self._stored, self._settings.ai_budget_usd, self._clock)
            question = await self._question(wanted)
        except StoreUnavailable as error:
            message = f"what was spent this month and what is stored cannot be read: {error}"
            raise ScrapeError(message, FailureClass.NETWORK) from error
        try:
            answer = await ask(question.prompt)
        except NoAnswer as error:
            if error.usage is not None:
                error.metadata = self._cost(error.usage)
            raise
        data = describe_answer(
            answer, question, cost_usd(answer.usage, self._settings.ai_prices), self._clock.now(), url
        )
        return Collected(data, {**self._cost(answer.usage), **_remarks(answer, question, data["cost_usd"])})

    async def _question(self, wanted: str) -> Question:
        """A prompt as it is; for a ticker, the template with what is stored."""
        ticker = as_ticker(wanted)
        if ticker is None:
            return Question(wanted)
        template = prompt.read_template(self._settings.ai_prompt)
        now = self._clock.now()
        found: list[StoredResult] = []
        if prompt.wants_results(template):
            found = await self._stored.latest(
                {ticker, ticker.lower()}, since=now - RECENT, limit=MAX_RESULTS, largest_bytes=LARGEST_RESULT_BYTES
            )
        text, used = prompt.describe_results(found)
        names = company_of(ticker).names
        fields = {
            "ticker": ticker,
            "company": f" ({names[0]})" if names else "",
            "today": f"{market_day(now):%d/%m/%Y}",
            "results": text or prompt.NOTHING.format(days=RECENT.days),
        }
        return Question(prompt.fill(template, fields), ticker, used)

    def _cost(self, usage: Usage) -> dict[str, Any]:
        return {
            COST_KEY: cost_usd(usage, self._settings.ai_prices),
            "model": usage.model,
            "total_tokens": usage.total,
        }


def describe_answer(answer: Answer, question: Question, cost: float | None, now: datetime, url: str) -> dict[str, Any]:
    """The result's `data`. `as_of` is the newest market time in what the answer is based on, null without any."""
    usage = answer.usage
    times = [moment for moment in map(_as_of, question.based_on) if moment is not None]
    return {
        "ticker": question.ticker,
        "answer": answer.text,
        "model": usage.model,
        "finish_reason": answer.finish_reason,
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "thoughts_tokens": usage.thoughts,
        "total_tokens": usage.total,
        "cost_usd": cost,
        "based_on": [
            {"scraper": result.scraper, "executed_at": market_iso(result.executed_at)} for result in question.based_on
        ],
        "answered_at": market_iso(now),
        "as_of": market_iso(max(times, default=None)),
        "url": url,
    }


def _wanted(argument: str | None) -> str:
    wanted = (argument or "").strip()
    if not wanted:
        raise ScrapeError("a ticker or a prompt is needed, for example PETR4", FailureClass.PERMANENT)
    if len(wanted) > LONGEST_PROMPT:
        message = f"the prompt has {len(wanted)} characters; use at most {LONGEST_PROMPT}"
        raise ScrapeError(message, FailureClass.PERMANENT)
    return wanted


def _remarks(answer: Answer, question: Question, cost: float | None) -> Mapping[str, str]:
    remarks = []
    if answer.cut:
        remarks.append(f"the answer was cut: {answer.finish_reason[:40]}")
    if question.ticker is not None and not question.based_on:
        remarks.append("no stored results are in the prompt")
    if cost is None:
        model = answer.usage.model
        remarks.append(f"the price of {model} is unknown, the budget does not count it: add it to PREGAO_AI_PRICES")
    return {"remark": "; ".join(remarks)} if remarks else {}


def _as_of(result: StoredResult) -> datetime | None:
    text = result.data.get("as_of") if isinstance(result.data, dict) else None
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None
