"""ChatGPT and Gemini against a recorded upstream and a real PostgreSQL, by themselves and in a worker."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import orjson
import pytest
import redis.asyncio as redis_asyncio
from loguru import logger
from tests.builders import spec
from tests.running_jobs import a_spec, run_one
from tests.samples import answers, models
from tests.scraping import failure_of, result_of
from tests.upstream import Answer, Request, Upstream
from tests.working import SettingsMaker, ended, working

from pregao.domain.clock import ManualClock
from pregao.domain.failure import FailureClass
from pregao.domain.job import JobStatus
from pregao.queue.commands import QueueCommands
from pregao.queue.views import QueueViews
from pregao.scrapers import http
from pregao.scrapers.base import BaseScraper, NotConfigured
from pregao.scrapers.builtin.chatgpt import ChatGPTScraper
from pregao.scrapers.builtin.gemini import GeminiScraper
from pregao.scrapers.failures import RateLimited
from pregao.scrapers.http import aclose_clients
from pregao.settings import Settings
from pregao.store.pool import open_pool
from pregao.store.recorder import Recorder
from pregao.store.results import Results

COMPLETIONS = "/openai/v1/chat/completions"
GENERATE = "/google/v1beta/models/gemini-2.5-flash:generateContent"
KEYS = {"OPENAI_API_KEY": models.OPENAI_KEY, "GEMINI_API_KEY": models.GEMINI_KEY}

Make = Callable[..., Any]


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture
def environ(upstream: Upstream) -> dict[str, str]:
    return {
        "PREGAO_UPSTREAM_CHATGPT": f"{upstream.url}/openai",
        "PREGAO_UPSTREAM_GEMINI": f"{upstream.url}/google",
        **KEYS,
    }


@pytest.fixture
async def make(environ: dict[str, str], pool: asyncpg.Pool, tmp_path: Path) -> AsyncIterator[Make]:
    """A scraper of a class, with the test's upstream and database; keywords are variables."""

    def build(scraper: type[Any], **variables: str) -> BaseScraper:
        settings = Settings.load(None, environ={**environ, **variables}, pregao_home=tmp_path)
        made: BaseScraper = scraper(settings, ManualClock(datetime.now(UTC)), stored=Results(pool))
        return made

    yield build
    await aclose_clients()


@pytest.fixture
def record(redis: redis_asyncio.Redis, pool: asyncpg.Pool) -> Make:
    """Store a good result of a scraper."""

    async def store(scraper: str, data: object, ticker: str = "PETR4", **report: Any) -> None:
        await run_one(QueueCommands(redis), a_spec(scraper_name=scraper, ticker=ticker), data, **report)
        recorder = Recorder(redis, pool)
        while await recorder.step():
            pass

    return store


def asked(upstream: Upstream) -> Any:
    return orjson.loads(upstream.requests[-1].body)


def prompt_of(upstream: Upstream) -> str:
    prompt: str = asked(upstream)["messages"][0]["content"]
    return prompt


# --- a prompt


async def test_a_prompt_goes_to_chatgpt_as_it_is(upstream: Upstream, make: Make) -> None:
    upstream.answer(COMPLETIONS, models.completion("Paris."))
    result = await result_of(make(ChatGPTScraper), "Qual é a capital da França? {{ticker}}")
    assert asked(upstream) == {
        "model": "gpt-4o",
        "messages": [{"role": "user", "content": "Qual é a capital da França? {{ticker}}"}],
        "max_completion_tokens": 4096,
        "stream": False,
    }
    assert upstream.requests[0].headers["authorization"] == f"Bearer {models.OPENAI_KEY}"
    answered_at = result.data.pop("answered_at")
    assert answered_at.endswith("-03:00")
    assert result.data == {
        "ticker": None,
        "answer": "Paris.",
        "model": "gpt-4o-2024-08-06",
        "finish_reason": "stop",
        "prompt_tokens": 1000,
        "completion_tokens": 200,
        "thoughts_tokens": 0,
        "total_tokens": 1200,
        "cost_usd": 0.0045,
        "based_on": [],
        "as_of": None,
        "url": upstream.url + COMPLETIONS,
    }
    assert result.metadata == {"cost_usd": 0.0045, "model": "gpt-4o-2024-08-06", "total_tokens": 1200}


async def test_a_prompt_goes_to_gemini_as_it_is(upstream: Upstream, make: Make) -> None:
    upstream.answer(GENERATE, models.content("Quatro."))
    result = await result_of(make(GeminiScraper, PREGAO_AI_MAX_TOKENS="100"), "Quanto é 2 + 2?")
    assert asked(upstream) == {
        "contents": [{"role": "user", "parts": [{"text": "Quanto é 2 + 2?"}]}],
        "generationConfig": {"maxOutputTokens": 100, "responseModalities": ["TEXT"]},
    }
    assert upstream.requests[0].headers["x-goog-api-key"] == models.GEMINI_KEY
    data = result.data
    assert (data["answer"], data["finish_reason"], data["thoughts_tokens"]) == ("Quatro.", "STOP", 300)
    assert data["cost_usd"] == 0.00155


async def test_the_models_are_settings(upstream: Upstream, make: Make) -> None:
    upstream.answer(COMPLETIONS, models.completion())
    upstream.answer("/google/v1beta/models/gemini-3.5-flash:generateContent", models.content("x"))
    await result_of(make(ChatGPTScraper, PREGAO_CHATGPT_MODEL="gpt-4.1"), "Olá")
    assert asked(upstream)["model"] == "gpt-4.1"
    await result_of(make(GeminiScraper, PREGAO_GEMINI_MODEL="gemini-3.5-flash"), "Olá")


@pytest.mark.parametrize("argument", [None, "", "  "])
async def test_nothing_to_ask_is_a_mistake_that_no_retry_mends(
    upstream: Upstream, make: Make, argument: str | None
) -> None:
    error = await failure_of(make(ChatGPTScraper), argument)
    assert (error.failure_class, error.retryable) == (FailureClass.PERMANENT, False)
    assert "for example PETR4" in str(error)
    assert upstream.requests == []


async def test_a_prompt_that_is_too_long_is_not_sent(upstream: Upstream, make: Make) -> None:
    error = await failure_of(make(ChatGPTScraper), "a " * 20_000)
    assert "use at most 32000" in str(error)
    assert upstream.requests == []


async def test_without_a_key_nothing_is_asked(upstream: Upstream, make: Make) -> None:
    assert isinstance(await failure_of(make(ChatGPTScraper, OPENAI_API_KEY=""), "Olá"), NotConfigured)
    assert isinstance(await failure_of(make(GeminiScraper, GEMINI_API_KEY=""), "Olá"), NotConfigured)
    assert upstream.requests == []


# --- a ticker


async def test_a_ticker_is_asked_about_with_what_is_stored_about_it(
    upstream: Upstream, make: Make, record: Make
) -> None:
    await record("B3", {"price": 30.1, "as_of": "2026-10-05T17:00:00-03:00"})
    await record("Fundamentus", {"pl": 5.1, "as_of": "2026-10-02T00:00:00-03:00"}, ticker="petr4")
    await record("B3", {"price": 60.5}, ticker="VALE3")
    upstream.answer(COMPLETIONS, models.completion("Análise."))
    data = (await result_of(make(ChatGPTScraper), "petr4")).data
    prompt = prompt_of(upstream)
    assert "análise curta e objetiva de PETR4 (Petrobras)" in prompt
    assert '"price":30.1' in prompt
    assert '"pl":5.1' in prompt
    assert "60.5" not in prompt
    assert (data["ticker"], data["as_of"]) == ("PETR4", "2026-10-05T17:00:00.000-03:00")
    assert [used["scraper"] for used in data["based_on"]] == ["Fundamentus", "B3"]


async def test_a_model_is_told_when_nothing_is_stored_and_so_is_the_reader(upstream: Upstream, make: Make) -> None:
    upstream.answer(GENERATE, models.content("Sem dados."))
    result = await result_of(make(GeminiScraper), "XXXX3")
    prompt = asked(upstream)["contents"][0]["parts"][0]["text"]
    assert "(nenhum dado coletado nos últimos 30 dias)" in prompt
    assert "análise curta e objetiva de XXXX3 para" in prompt
    assert (result.data["based_on"], result.data["as_of"]) == ([], None)
    assert result.metadata["remark"] == "no stored results are in the prompt"


async def test_earlier_answers_are_not_what_an_answer_is_based_on(upstream: Upstream, make: Make, record: Make) -> None:
    await record("Gemini", {"answer": "Compre já"}, metadata={"cost_usd": 0.001})
    upstream.answer(COMPLETIONS, models.completion())
    assert (await result_of(make(ChatGPTScraper), "PETR4")).data["based_on"] == []
    assert "Compre já" not in prompt_of(upstream)


async def test_the_prompt_for_a_ticker_is_a_file(upstream: Upstream, make: Make, record: Make, tmp_path: Path) -> None:
    await record("B3", {"price": 30.1, "headline": "ignore {{today}}"})
    template = tmp_path / "own.txt"
    template.write_text("{{ticker}}: {{results}}", encoding="utf-8")
    upstream.answer(COMPLETIONS, models.completion())
    await result_of(make(ChatGPTScraper, PREGAO_AI_PROMPT=str(template)), "PETR4")
    assert prompt_of(upstream).startswith("PETR4: ## B3, coletado em ")
    assert "ignore {{today}}" in prompt_of(upstream)


async def test_a_prompt_file_that_is_missing_is_named(upstream: Upstream, make: Make) -> None:
    error = await failure_of(make(ChatGPTScraper, PREGAO_AI_PROMPT="/nowhere/own.txt"), "PETR4")
    assert error.failure_class is FailureClass.PERMANENT
    assert "/nowhere/own.txt" in str(error)
    assert upstream.requests == []


# --- money


async def test_the_budget_stops_both_once_it_is_spent(upstream: Upstream, make: Make, record: Make) -> None:
    await record("ChatGPT", {"answer": "x"}, ticker="Olá", metadata={"cost_usd": 0.0125})
    for scraper in (ChatGPTScraper, GeminiScraper):
        error = await failure_of(make(scraper, PREGAO_AI_BUDGET_USD="0.0125"), "Olá")
        assert (error.failure_class, error.retryable) == (FailureClass.PERMANENT, False)
        assert "USD 0.0125 of 0.0125 spent since" in str(error)
        assert "PREGAO_AI_BUDGET_USD" in str(error)
    assert upstream.requests == []


async def test_what_is_left_of_the_budget_may_be_spent(upstream: Upstream, make: Make, record: Make) -> None:
    await record("ChatGPT", {"answer": "x"}, ticker="Olá", metadata={"cost_usd": 0.0125})
    upstream.answer(COMPLETIONS, models.completion())
    await result_of(make(ChatGPTScraper, PREGAO_AI_BUDGET_USD="0.0126"), "Olá")


async def test_a_budget_of_zero_allows_nothing(upstream: Upstream, make: Make) -> None:
    assert "used up" in str(await failure_of(make(GeminiScraper, PREGAO_AI_BUDGET_USD="0"), "Olá"))
    assert upstream.requests == []


async def test_a_price_that_nobody_knows_is_null_and_says_so(upstream: Upstream, make: Make) -> None:
    upstream.answer(COMPLETIONS, models.completion().replace(b"gpt-4o-2024-08-06", b"gpt-99"))
    result = await result_of(make(ChatGPTScraper), "Olá")
    assert result.data["cost_usd"] is None
    assert "the price of gpt-99 is unknown" in result.metadata["remark"]
    own = await result_of(make(ChatGPTScraper, PREGAO_AI_PRICES="gpt-99=1/10"), "Olá")
    assert own.data["cost_usd"] == 0.003


async def test_while_the_database_is_down_nothing_is_asked_and_a_retry_helps(
    upstream: Upstream, environ: dict[str, str], tmp_path: Path
) -> None:
    pool = await open_pool("postgresql://x@127.0.0.1:1/x")
    settings = Settings.load(None, environ=environ, pregao_home=tmp_path)
    for argument in ("PETR4", "Olá"):
        error = await failure_of(ChatGPTScraper(settings, stored=Results(pool)), argument)
        assert (error.failure_class, error.retryable) == (FailureClass.NETWORK, True)
        assert "cannot be read: PostgreSQL cannot be reached" in str(error)
    assert upstream.requests == []
    await pool.close()


async def test_a_scraper_without_a_database_spends_nothing(
    upstream: Upstream, environ: dict[str, str], tmp_path: Path
) -> None:
    settings = Settings.load(None, environ=environ, pregao_home=tmp_path)
    assert "made without a database" in str(await failure_of(ChatGPTScraper(settings), "Olá"))
    assert upstream.requests == []


# --- refusals


async def test_no_answer_carries_what_it_cost(upstream: Upstream, make: Make) -> None:
    upstream.answer(COMPLETIONS, models.completion(None, refusal="Não."))
    upstream.answer(GENERATE, models.content(finish="MAX_TOKENS"))
    assert (await failure_of(make(ChatGPTScraper), "Olá")).metadata["cost_usd"] == 0.0045
    error = await failure_of(make(GeminiScraper), "Olá")
    assert error.metadata == {"cost_usd": 0.00155, "model": "gemini-2.5-flash", "total_tokens": 1500}


async def test_a_rate_limit_is_told_from_a_quota(upstream: Upstream, make: Make) -> None:
    slow = models.openai_error("Slow down", kind="tokens", code="rate_limit_exceeded")
    upstream.answer(COMPLETIONS, slow, 429, {"Retry-After": "7"})
    error = await failure_of(make(ChatGPTScraper), "Olá")
    assert isinstance(error, RateLimited)
    assert error.retry_after_seconds == 7
    upstream.answer(COMPLETIONS, models.openai_error("Pay", kind="insufficient_quota"), 429)
    assert not (await failure_of(make(ChatGPTScraper), "Olá")).retryable


@pytest.mark.parametrize(
    ("status", "body", "failure_class"),
    [
        (200, answers.PAGE, FailureClass.BLOCKED),
        (200, b"", FailureClass.NETWORK),
        (200, b"{}", FailureClass.VALIDATION),
        (401, b"", FailureClass.LOGIN),
        (403, answers.CHALLENGE, FailureClass.BLOCKED),
        (429, b"", FailureClass.RATE_LIMITED),
        (502, answers.PAGE, FailureClass.NETWORK),
        (404, b"nothing", FailureClass.PERMANENT),
    ],
)
async def test_answers_without_an_error_object_have_the_class_of_their_status(
    upstream: Upstream, make: Make, status: int, body: bytes, failure_class: FailureClass
) -> None:
    for path, scraper in ((COMPLETIONS, ChatGPTScraper), (GENERATE, GeminiScraper)):
        upstream.answer(path, body, status)
        assert (await failure_of(make(scraper), "Olá")).failure_class is failure_class


async def test_a_key_is_sent_nowhere_else(upstream: Upstream, make: Make) -> None:
    upstream.answer(COMPLETIONS, status=307, headers={"Location": "/elsewhere"})
    await failure_of(make(ChatGPTScraper), "Olá")
    assert upstream.asked("/elsewhere") == 0


async def test_a_model_may_think_longer_than_other_sources(
    upstream: Upstream, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "TIMEOUT", httpx.Timeout(10, read=0.05))

    def thoughtful(_: Request) -> Answer:
        time.sleep(0.2)
        return Answer(body=models.completion("Depois de pensar."))

    upstream.react(COMPLETIONS, thoughtful)
    assert (await result_of(make(ChatGPTScraper), "Olá")).data["answer"] == "Depois de pensar."


# --- in a worker


async def test_a_worker_gives_a_scraper_the_database_and_records_what_an_answer_cost(
    environ: dict[str, str],
    make_settings: SettingsMaker,
    upstream: Upstream,
    queue: QueueCommands,
    views: QueueViews,
    redis: redis_asyncio.Redis,
    pool: asyncpg.Pool,
    record: Make,
) -> None:
    await record("B3", {"price": 30.1})
    upstream.answer(COMPLETIONS, models.completion("Análise."))
    upstream.answer(GENERATE, models.content(finish="SAFETY"))
    good, bad = spec("ChatGPT", "PETR4"), spec("gemini", "PETR4")
    async with working(make_settings(**environ)):
        await queue.enqueue([good, bad])
        document = await ended(views, good, JobStatus.COMPLETED)
        failed = await ended(views, bad, JobStatus.FAILED)
    assert document["result"]["answer"] == "Análise."
    assert [used["scraper"] for used in document["result"]["based_on"]] == ["B3"]
    assert failed["error"] == "Gemini blocks the answer: SAFETY"
    recorder = Recorder(redis, pool)
    while await recorder.step():
        pass
    rows = await pool.fetch("SELECT metadata FROM scraper_results WHERE job_id = ANY ($1)", [good.id, bad.id])
    assert sorted(row["metadata"]["cost_usd"] for row in rows) == [0.00155, 0.0045]
    assert float(await Results(pool).spent_usd(datetime(2000, 1, 1, tzinfo=UTC))) == 0.00605


async def test_a_key_that_the_upstream_repeats_is_shown_nowhere(
    environ: dict[str, str],
    make_settings: SettingsMaker,
    upstream: Upstream,
    queue: QueueCommands,
    views: QueueViews,
    caplog: pytest.LogCaptureFixture,
) -> None:
    said = f"Incorrect API key provided: {models.OPENAI_KEY}"
    upstream.answer(COMPLETIONS, models.openai_error(said, code="invalid_api_key"), 401)
    job = spec("ChatGPT", "Olá")
    logged: list[str] = []
    sink = logger.add(lambda message: logged.append(str(message)), level="TRACE", format="{message} {exception}")
    try:
        with caplog.at_level("DEBUG"):
            async with working(make_settings(**environ)):
                await queue.enqueue([job])
                document = await ended(views, job, JobStatus.FAILED)
    finally:
        logger.remove(sink)
    assert "(hidden)" in document["error"]
    facts = await views.unrecorded()
    assert "error_class='login'" in str(facts)
    everything = f"{document} {logged} {caplog.text} {facts}"
    assert models.OPENAI_KEY not in everything
