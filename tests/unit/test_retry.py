"""What becomes of a job after a failed attempt."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pregao.domain import retry
from pregao.domain.failure import Failure, FailureAction, FailureClass, failure
from pregao.domain.retry import RETRY_AFTER_LIMIT_MS, SNOOZE_LIMIT, Backoff, NextStep, next_step

NETWORK = failure(FailureClass.NETWORK, "no route")


def step(problem: Failure, action: FailureAction, retry_count: int = 0, attempt: int = 1) -> NextStep:
    return next_step(problem, action, Backoff(), retry_count=retry_count, attempt=attempt)


@pytest.mark.parametrize(("retries", "delay_ms"), [(0, 2000), (1, 4000), (2, 8000), (50, 900_000)])
def test_a_retry_waits_for_the_backoff(retries: int, delay_ms: int) -> None:
    assert step(NETWORK, FailureAction.RETRY, retries) == NextStep(True, delay_ms=delay_ms)


def test_a_retry_waits_at_least_as_long_as_the_source_asked() -> None:
    asked = failure(FailureClass.NETWORK, "busy", retry_after_seconds=60)
    assert step(asked, FailureAction.RETRY).delay_ms == 60_000


def test_no_source_can_ask_for_more_than_a_day() -> None:
    asked = failure(FailureClass.RATE_LIMITED, "busy", retry_after_seconds=1e9)
    assert step(asked, FailureAction.SNOOZE).delay_ms == RETRY_AFTER_LIMIT_MS


def test_a_snooze_spends_no_retry_and_grows_with_the_attempts() -> None:
    assert step(NETWORK, FailureAction.SNOOZE, attempt=3) == NextStep(True, snoozed=True, delay_ms=8000)


def test_a_source_that_complains_is_left_alone_for_as_long_as_it_asks() -> None:
    asked = failure(FailureClass.RATE_LIMITED, "busy", retry_after_seconds=60)
    assert step(asked, FailureAction.SNOOZE).hold_ms == 60_000
    assert step(failure(FailureClass.RATE_LIMITED, "busy"), FailureAction.SNOOZE).hold_ms == 0
    assert step(NETWORK, FailureAction.SNOOZE).hold_ms is None


def test_a_source_whose_wishes_do_not_count_gets_the_backoff() -> None:
    asked = failure(FailureClass.RATE_LIMITED, "busy", retry_after_seconds=60)
    found = next_step(asked, FailureAction.SNOOZE, Backoff(), retry_count=0, attempt=1, honour=False)
    assert found == NextStep(True, snoozed=True, delay_ms=2000)


def test_a_snooze_for_ever_spends_retries_in_the_end() -> None:
    assert step(NETWORK, FailureAction.SNOOZE, attempt=SNOOZE_LIMIT).snoozed
    assert step(NETWORK, FailureAction.SNOOZE, attempt=SNOOZE_LIMIT + 1) == NextStep(True, delay_ms=2000)


def test_failing_and_ignoring_end_the_job_at_once() -> None:
    assert step(NETWORK, FailureAction.FAIL) == NextStep(False)
    assert step(NETWORK, FailureAction.IGNORE) == NextStep(False, ignored=True)


@pytest.mark.parametrize(
    ("failure_class", "action"),
    [
        (FailureClass.TIMEOUT, FailureAction.RETRY),
        (FailureClass.RATE_LIMITED, FailureAction.SNOOZE),
        (FailureClass.NOT_FOUND, FailureAction.IGNORE),
        (FailureClass.VALIDATION, FailureAction.FAIL),
        (FailureClass.BUG, FailureAction.FAIL),
        (FailureClass.ERROR, FailureAction.RETRY),
    ],
)
def test_each_class_has_its_own_policy(failure_class: FailureClass, action: FailureAction) -> None:
    assert failure(failure_class, "x").action is action


@pytest.mark.parametrize(
    ("failure_class", "retryable", "action"),
    [
        (FailureClass.BUG, True, FailureAction.RETRY),
        (FailureClass.NETWORK, False, FailureAction.FAIL),
        (FailureClass.NOT_FOUND, True, FailureAction.RETRY),
        (FailureClass.RATE_LIMITED, True, FailureAction.SNOOZE),
        (FailureClass.NOT_FOUND, False, FailureAction.IGNORE),
    ],
)
def test_a_scraper_may_know_better_than_the_class(
    failure_class: FailureClass, retryable: bool, action: FailureAction
) -> None:
    assert failure(failure_class, "x", retryable=retryable).action is action


@given(
    st.integers(min_value=0, max_value=200),
    st.integers(min_value=1, max_value=60_000),
    st.integers(min_value=1, max_value=3_600_000),
    st.floats(min_value=0, max_value=1),
    st.floats(min_value=0, max_value=1),
)
def test_jitter_stays_within_its_share(count: int, base_ms: int, cap_ms: int, jitter: float, chance: float) -> None:
    plain = Backoff(base_ms, cap_ms).delay_ms(count)
    varied = Backoff(base_ms, cap_ms, jitter).delay_ms(count, chance)
    assert 0 <= plain <= cap_ms
    assert round(plain * (1 - jitter)) - 1 <= varied <= round(plain * (1 + jitter)) + 1


def test_the_examples_in_the_documentation_hold() -> None:
    assert doctest.testmod(retry).failed == 0
