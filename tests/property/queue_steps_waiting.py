"""Steps of the model test: jobs that come, wait, and are held back or brought forward."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import strategies as st
from hypothesis.stateful import multiple, rule
from tests.property.queue_machine import QueueMachine, jobs, priorities
from tests.property.queue_model import ModelJob

from pregao.domain.job import JobPriority, JobStatus
from pregao.store.scrubber import Scrubber


class WaitingSteps(QueueMachine):
    """Rules that act on both sides; none of them begins or ends an attempt, but a cancel may."""

    @rule(
        target=jobs,
        requests=st.lists(
            st.tuples(priorities, st.sampled_from("ab"), st.integers(0, 2), st.sampled_from(["", "", "u1", "u2"])),
            min_size=1,
            max_size=4,
        ),
    )
    def enqueue(self, requests: list[tuple[str, str, int, str]]) -> Any:
        batch = [ModelJob(self.new_id(), *request) for request in requests]
        specs = [self.spec(job) for job in batch]
        expected = self.create_in_order(batch)
        answers = self.run(self.queue.enqueue(specs))
        assert [(a.code, a.job_id) for a in answers] == expected
        repeated = self.run(self.queue.enqueue(specs))
        for job, (code, stands), again in zip(batch, expected, repeated, strict=True):
            assert again.job_id == (job.id if code == "created" else stands)
            assert again.code == ("exists" if code == "created" else "duplicate")
        return multiple(*dict.fromkeys(job_id for _, job_id in expected))

    def create_in_order(self, batch: list[ModelJob]) -> list[tuple[str, str]]:
        """The server pushes a batch queue by queue, each in the order of the batch."""
        return [self.model.create(job) for job in batch]

    @rule(
        kind=st.sampled_from(["priority:high", "priority:low", "scraper:a", "scraper:b"]),
        ms=st.sampled_from([0, 0, 900]),
    )
    def pause(self, kind: str, ms: int) -> None:
        end = self.now + ms if ms else 0
        self.set_rule(f"pause:{kind}", f'{end}|{{"who":"me"}}')
        self.model.pauses[kind] = end

    @rule(kind=st.sampled_from(["priority:high", "priority:low", "scraper:a", "scraper:b"]))
    def resume(self, kind: str) -> None:
        self.set_rule(f"pause:{kind}", "")
        self.model.pauses.pop(kind, None)

    @rule(scraper=st.sampled_from("ab"), cap=st.sampled_from([None, 0, 1, 2]))
    def cap(self, scraper: str, cap: int | None) -> None:
        self.set_rule(f"cap:scraper:{scraper}", "" if cap is None else str(cap))
        self.model.caps.pop(scraper, None)
        if cap is not None:
            self.model.caps[scraper] = cap

    @rule(every=st.sampled_from([0, 2, 3]))
    def fair(self, every: int) -> None:
        self.set_rule("fair", str(every) if every else "")
        self.model.fair = every

    def set_rule(self, name: str, value: str) -> None:
        """A change is a fact, once; what is said again is none."""
        before = self.run(self.redis.hget("scraper:control", name))
        for expected in ((before or b"").decode(), value):
            assert self.run(self.queue.control(name, value, "me")) == expected

    @rule(priority=priorities)
    def somebody_else_pushes_a_job(self, priority: str) -> None:
        job_id = self.new_id()
        document = {"id": job_id, "scraper_name": "c", "ticker": "X", "created_at": "2027-01-15T05:00:00"}
        self.run(self.redis.set(f"scraper:job:{job_id}:data", orjson.dumps(document), ex=86_400))
        self.run(self.redis.set(f"scraper:job:{job_id}:status", "pending", ex=86_400))
        self.run(self.redis.lpush(f"scraper:jobs:{priority}", job_id))
        self.model.ready[priority].insert(0, job_id)
        self.model.foreign[job_id] = priority

    @rule(priority=priorities)
    def somebody_else_takes_an_id(self, priority: str) -> None:
        taken = self.run(self.redis.rpop(f"scraper:jobs:{priority}"))
        if taken is not None:
            self.model.ready[priority].pop()
            self.model.foreign.pop(taken.decode(), None)

    @rule()
    def scrub(self) -> None:
        lost = sorted(self.model.lost_ones(), key=lambda job: job.id)
        for job in lost:
            self.model.to_front(job)
        assert self.run(Scrubber(self.redis).scrub()) == [job.id for job in lost] or len(lost) > 5
        assert self.run(Scrubber(self.redis).scrub()) == []

    @rule()
    def a_new_generation_begins(self) -> None:
        self.generation += 1
        self.run(self.queue.open_generation(self.generation))

    @rule(delta=st.sampled_from([1, 500, 2_000, 4_900]))
    def time_passes(self, delta: int) -> None:
        """What was handed over and adopted by nobody goes back to the front."""
        self.now += delta
        self.run(self.queue.tick())
        late = sorted((when, member) for when, member in self.model.handed.values() if when <= self.now)
        for _, member in late:
            priority, _, job_id = member.partition(":")
            del self.model.handed[job_id]
            self.model.ready[priority].append(job_id)
            self.model.foreign[job_id] = priority

    @rule()
    def promote_due(self) -> None:
        due = [j for j in self.model.jobs.values() if j.state == "retry" and j.due <= self.now]
        for job in sorted(due, key=lambda j: (j.due, j.id)):
            self.model.promote(job)
        assert self.run(self.queue.promote()) == len(due)

    @rule(job_id=jobs)
    def make_due(self, job_id: str) -> None:
        job = self.model.jobs[job_id]
        assert self.run(self.queue.make_due(job_id)) == JobStatus(job.state)
        if job.state == "retry":
            self.model.promote(job)

    @rule(job_id=jobs, priority=priorities)
    def change_priority(self, job_id: str, priority: str) -> None:
        job = self.model.jobs[job_id]
        expected = self.model.change_priority(job, priority)
        for _ in range(2):
            answer = self.run(self.queue.change_priority(job_id, JobPriority(priority)))
            assert (answer.code, answer.status) == (expected, JobStatus(job.state))

    @rule(job_id=jobs)
    def cancel(self, job_id: str) -> None:
        job = self.model.jobs[job_id]
        expected = self.model.cancel(job)
        answer = self.run(self.queue.cancel(job_id))
        assert (answer.code, answer.status) == (expected, JobStatus(job.state))
        again = self.run(self.queue.cancel(job_id))
        assert again.code == ("requested" if expected == "requested" else "ended")
