"""Steps of the model test: schedules that fire, in calls of which any may be the last, and the recorder."""

from __future__ import annotations

import uuid
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import multiple, rule
from tests.property.queue_machine import PER_CALL, QueueMachine, jobs
from tests.property.queue_model import ModelFiring, ModelJob

from pregao.domain.clock import from_ms
from pregao.domain.job import JobSpec
from pregao.queue.facts import Firing, FiringFact, JobFact, decode_entry
from pregao.queue.firings import Started

steps_taken = st.sampled_from([0, 1, 9])


class FiringSteps(QueueMachine):
    """Rules that act on both sides; each call may be repeated."""

    # Firings come in calls of at most two jobs here, and any of these calls may be the last that a process made.

    def some_jobs(self, identity: uuid.UUID, count: int) -> list[ModelJob]:
        return [ModelJob(str(uuid.uuid5(identity, str(n))), "normal", "a", 1, "") for n in range(count)]

    def as_firing(self, firing: ModelFiring) -> tuple[Firing, list[JobSpec]]:
        real = Firing(
            schedule_name=firing.schedule,
            scraper_name="a",
            fire_time=from_ms(firing.time),
            outcome=firing.outcome,  # type: ignore[arg-type]
            job_ids=[job.id for job in firing.jobs],
            tickers=["PETR4"] * len(firing.jobs),
            run_id=firing.run,
        )
        return real, [self.spec(job) for job in firing.jobs]

    def go_on(self, firing: ModelFiring, rest: Started | None, steps: int) -> None:
        """Resume as often as asked; each call may be repeated, and a repetition makes nothing."""
        for _ in range(steps):
            if rest is None:
                break
            assert rest.made == firing.made
            stale = rest
            rest = self.run(self.queue.firings.resume(rest))
            self.model.go_on(firing, PER_CALL)
            assert self.run(self.queue.firings.resume(stale)) == rest
        assert (rest is None) == (firing.identity not in self.model.started)

    @rule(target=jobs, name=st.sampled_from("xy"), ago=st.integers(-2, 5), count=st.integers(0, 5), steps=steps_taken)
    def fire(self, name: str, ago: int, count: int, steps: int) -> Any:
        fire_ms = self.now - ago * 1_000
        batch = self.some_jobs(uuid.uuid5(uuid.NAMESPACE_OID, f"{name}{fire_ms}"), count)
        wanted = ModelFiring(name, fire_ms, "fired", None, batch)
        expected = self.model.fire(wanted, self.now, PER_CALL)
        firing, specs = self.as_firing(wanted)
        reply, rest = self.run(self.queue.firings.begin(firing, specs))
        assert reply == expected
        assert self.run(self.queue.firings.begin(firing, specs)) == ("early" if reply == "early" else "already", None)
        if expected != "fired":
            assert rest is None
            return multiple()
        self.go_on(wanted, rest, steps)
        return multiple(*(job.id for job in batch[: wanted.made]))

    @rule(target=jobs, name=st.sampled_from("xy"), key=st.integers(0, 3), count=st.integers(0, 5), steps=steps_taken)
    def run_by_hand(self, name: str, key: int, count: int, steps: int) -> Any:
        run_id = str(uuid.uuid5(uuid.NAMESPACE_URL, str(key)))
        batch = self.some_jobs(uuid.UUID(run_id), count)
        wanted = ModelFiring(name, self.now, "manual", run_id, batch)
        stands = self.model.run(wanted, PER_CALL)
        firing, specs = self.as_firing(wanted)
        told, rest = self.run(self.queue.firings.begin_run(run_id, firing, specs))
        assert told == self.as_firing(stands)[0]
        again, rest_again = self.run(self.queue.firings.begin_run(run_id, firing, specs))
        assert again == told
        assert (rest_again is None) == (rest is None)
        self.go_on(stands, rest, steps)
        return multiple(*(job.id for job in stands.jobs[: stands.made]))

    @rule(target=jobs, steps=steps_taken)
    def anybody_goes_on_with_what_was_begun(self, steps: int) -> Any:
        begun = self.run(self.queue.started_firings())
        assert {one.identity: one.made for one in begun} == {k: f.made for k, f in self.model.started.items()}
        known = []
        for one in begun:
            firing = self.model.started[one.identity]
            self.go_on(firing, one, steps)
            known += [job.id for job in firing.jobs[: firing.made]]
        return multiple(*known)

    @rule()
    def recorder_drains_the_outbox(self) -> None:
        entries = self.run(self.redis.xrange("scraper:outbox", count=20))
        facts = [decode_entry(*entry) for entry in entries]
        for fact in facts:
            if isinstance(fact, JobFact):
                self.facts_seen.setdefault(fact.job_id, []).append(fact)
            elif isinstance(fact, FiringFact):
                self.firings_seen.append(fact)
            else:
                self.rules_seen.append(fact)
        assert self.run(self.queue.forget(facts)) == len(facts)
        assert self.run(self.queue.forget(facts)) == 0
