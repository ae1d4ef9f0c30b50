"""Faults: soon enough to be seen, and never so many that a job with its retries is lost."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from tests.sample_markets import clock_at

from pregao.domain.clock import ManualClock
from pregao.domain.errors import ScrapeError
from pregao.domain.retry import backoff_ms
from pregao.sample_market.access import NAMES
from pregao.sample_market.answer import Answer
from pregao.sample_market.draws import Draws
from pregao.sample_market.faults import FIRST_AFTER, REST, RETRY_AFTER_SECONDS, Faults, Latency
from pregao.scrapers.builtin.bcb_sgs import parse_sgs
from pregao.scrapers.builtin.chatgpt_answer import refused_completion
from pregao.scrapers.builtin.coinmarketcap_quotes import parse_listing
from pregao.scrapers.builtin.gemini_answer import refused_content
from pregao.scrapers.failures import of_status

RETRIES = 3


def target(path: str) -> tuple[str, str, bytes]:
    return path, "", b""


def faults(clock: ManualClock, seed: int = 1) -> Faults:
    return Faults(Draws(seed), clock)


def met(found: Faults, clock: ManualClock, source: str, requests: int, seconds: float = 2.0) -> list[Answer | None]:
    """What so many different requests meet, some seconds apart."""
    answers = []
    for number in range(requests):
        answers.append(found.of(source, target(f"/{number}")))
        clock.advance(timedelta(seconds=seconds))
    return answers


@pytest.mark.parametrize("source", NAMES)
def test_every_source_fails_within_its_first_requests(source: str) -> None:
    clock = clock_at("2026-10-05T14:30")

    assert any(met(faults(clock), clock, source, FIRST_AFTER[1]))


@pytest.mark.parametrize("seed", range(10))
def test_a_seed_fails_at_the_same_requests_each_time(seed: int) -> None:
    runs = []
    for _ in range(2):
        clock = clock_at("2026-10-05T14:30")
        runs.append([answer is not None for answer in met(faults(clock, seed), clock, "b3", 200)])

    assert runs[0] == runs[1]


@pytest.mark.parametrize("seed", range(20))
def test_a_job_that_is_retried_gets_its_answer(seed: int) -> None:
    clock = clock_at("2026-10-05T14:30")
    found = faults(clock, seed)
    for number in range(150):
        attempts = [found.of("tradingview", target(f"/{number}"))]
        for retry in range(RETRIES):
            if attempts[-1] is None:
                break
            clock.advance(timedelta(milliseconds=backoff_ms(retry)))
            met(found, clock, "tradingview", 3, seconds=0.1)  # others ask meanwhile
            attempts.append(found.of("tradingview", target(f"/{number}")))
        assert attempts[-1] is None
        clock.advance(timedelta(seconds=1))


@pytest.mark.parametrize("source", NAMES)
def test_two_faults_of_a_source_are_further_apart_than_a_job_retries(source: str) -> None:
    clock = clock_at("2026-10-05T14:30")
    answers = met(faults(clock), clock, source, 1000, seconds=0.5)
    at = [number * 0.5 for number, answer in enumerate(answers) if answer is not None]

    assert len(at) > 5
    assert min(after - before for before, after in pairwise(at)) >= REST.total_seconds()
    assert REST.total_seconds() > sum(backoff_ms(retry) for retry in range(RETRIES)) / 1000


@pytest.mark.parametrize("source", NAMES)
def test_every_fault_is_one_that_is_worth_a_retry(source: str) -> None:
    clock = clock_at("2026-10-05T14:30")
    answers = [answer for answer in met(faults(clock), clock, source, 300) if answer is not None]

    for answer in answers:
        assert failure_of(source, answer).retryable, answer


def failure_of(source: str, answer: Answer) -> ScrapeError:
    """The failure that our scrapers see in an answer, also where it comes with HTTP 200."""
    if answer.status == 200:
        parse = {"bcb": parse_sgs, "coinmarketcap": parse_listing}[source]
        with pytest.raises(ScrapeError) as caught:
            parse(answer.body)
        return caught.value
    told = {"chatgpt": refused_completion, "gemini": refused_content}.get(source)
    found = told(answer.status, answer.body) if told is not None else None
    return found or of_status(answer.status, answer.headers, answer.body, "http://source.test/")


def test_whoever_is_too_fast_is_told_how_long_to_wait() -> None:
    clock = clock_at("2026-10-05T14:30")
    answers = [answer for answer in met(faults(clock), clock, "googlenews", 60) if answer is not None]

    assert {(answer.status, answer.headers["Retry-After"]) for answer in answers} == {(429, str(RETRY_AFTER_SECONDS))}


def test_answers_take_a_while_and_those_of_models_longer() -> None:
    latency = Latency(Draws(1))

    assert all(0.02 <= latency.seconds("b3") <= 0.2 for _ in range(100))
    assert all(0.6 <= latency.seconds("gemini") <= 1.6 for _ in range(100))
