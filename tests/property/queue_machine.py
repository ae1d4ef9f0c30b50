"""The two sides that the model test compares: a real queue on a real server, and the model; and the clock of both."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize
from tests.property.queue_model import PRIORITIES, Model, ModelJob

from pregao.domain.clock import from_ms
from pregao.domain.job import JobPriority, JobSpec, JobStatus
from pregao.queue.commands import QueueCommands
from pregao.queue.connection import open_redis
from pregao.queue.facts import ControlFact, FiringFact, JobFact

START_MS = 1_800_000_000_000
LEASE_MS = 10_000
GENERATION = 41
PER_CALL = 2
workers = st.sampled_from(["w1", "w2"])
priorities = st.sampled_from(PRIORITIES)
jobs = Bundle("jobs")
tokens = Bundle("tokens")


class QueueMachine(RuleBasedStateMachine):
    """What every step and every check has at hand. The clock is the model's, given to every script."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.redis = open_redis(self.url)
        self.now = START_MS
        self.queue = QueueCommands(self.redis, now_ms=lambda: self.now, jobs_per_firing_call=PER_CALL)
        self.model = Model()
        self.sequence = self.ids = 0
        self.highest_token = 0
        self.facts_seen: dict[str, list[JobFact]] = {}
        self.firings_seen: list[FiringFact] = []
        self.rules_seen: list[ControlFact] = []
        self.generation = GENERATION
        self.states_seen: dict[str, JobStatus | None] = {}

    def run(self, call: Any) -> Any:
        return self.runner.run(call)

    def teardown(self) -> None:
        self.run(self.redis.aclose())
        self.runner.close()

    @initialize()
    def empty_server(self) -> None:
        self.run(self.redis.flushall())
        self.run(self.queue.open_generation(self.generation))
        self.run(self.queue.tick())

    def spec(self, job: ModelJob) -> JobSpec:
        return JobSpec(
            id=job.id,
            scraper_name=job.scraper,
            ticker="PETR4",
            priority=JobPriority(job.priority),
            max_retries=job.max_retries,
            unique_key=job.unique or None,
            created_at=from_ms(self.now),
        )

    def new_id(self) -> str:
        """Ids that are the same in every run of an example, so that hypothesis can shrink it."""
        self.ids += 1
        return str(uuid.UUID(int=self.ids))
