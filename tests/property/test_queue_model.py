"""A hypothesis state machine drives the real scripts on a real server and compares with the model after each step.

The steps are in `queue_steps_*.py`, what is compared in `queue_checks.py`, the model in `queue_model.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.property.queue_checks import Checks
from tests.property.queue_machine import START_MS
from tests.property.queue_steps_attempts import AttemptSteps
from tests.property.queue_steps_firings import FiringSteps
from tests.property.queue_steps_waiting import WaitingSteps

from pregao.domain.clock import from_ms

EXAMPLES = max(200, settings().max_examples)
STEPS = 40


class WholeQueue(WaitingSteps, AttemptSteps, FiringSteps, Checks):
    """All steps in any order, all checks after each."""


def run_machine(url: str, examples: int, steps: int) -> None:
    machine = type("Machine", (WholeQueue,), {"url": url})
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[phase for phase in settings().phases if phase in (Phase.generate, Phase.shrink)],
        ),
    )


@pytest.mark.timeout(300 if EXAMPLES <= 200 else 0)
def test_the_queue_does_what_the_model_does(redis_url: str) -> None:
    run_machine(redis_url, EXAMPLES, STEPS)


def test_model_times_are_real_dates() -> None:
    assert from_ms(START_MS) == datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
