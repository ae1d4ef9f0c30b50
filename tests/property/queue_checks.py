"""What holds after each step of the model test: the server is as the model says, and so are the facts of it."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis.stateful import invariant
from tests.property.queue_machine import QueueMachine
from tests.property.queue_model import ENDED, PRIORITIES, ModelJob
from tests.property.queue_snapshot import Snapshot, read_all

from pregao.domain.clock import to_ms
from pregao.domain.job import JobStatus
from pregao.domain.lifecycle import allowed_targets
from pregao.queue.facts import ControlFact, Firing, FiringFact, JobFact, decode_entry


class Checks(QueueMachine):
    """The invariants."""

    @invariant()
    def everything_is_as_the_model_says(self) -> None:
        snapshot = self.run(read_all(self.redis, list(self.model.jobs.values())))
        self.check_lists_and_sets(snapshot)
        for job in self.model.jobs.values():
            self.check_job(job, snapshot.jobs[job.id])
        self.check_outbox(snapshot)

    def check_lists_and_sets(self, snapshot: Snapshot) -> None:
        for priority, ready in zip(PRIORITIES, snapshot.ready, strict=True):
            assert [i.decode() for i in ready] == self.model.ready[priority]
        for where, ids in snapshot.waiting_scrapers.items():
            assert [i.decode() for i in ids] == self.model.parked.get(where, [])
        assert {name.decode() for name in snapshot.parked} >= set(self.model.parked_scrapers())
        waiting = [i for ids in (*self.model.ready.values(), *self.model.parked.values()) for i in ids]
        assert len(waiting) == len(set(waiting)), "a job waits in one place"
        assert {i.decode(): int(s) for i, s in snapshot.running} == {j.id: j.deadline for j in self.model.running()}
        waiting = {j.id: j.due for j in self.model.jobs.values() if j.state == "retry"}
        assert {i.decode(): int(s) for i, s in snapshot.delayed} == waiting
        assert snapshot.wake <= 1
        in_use: dict[str, int] = {}
        for job in self.model.running():
            in_use[job.scraper] = in_use.get(job.scraper, 0) + 1
        assert {k.decode(): int(v) for k, v in snapshot.inuse.items()} == in_use

    def check_job(self, job: ModelJob, found: list[Any]) -> None:
        status, data, meta, unique, *ttls = found
        assert status.decode() == job.state
        document = orjson.loads(data)
        assert document["status"] == job.state, "the status inside the document equals the status key"
        assert document["retry_count"] == job.retry_count
        assert document["attempt"] == job.attempt
        assert document["priority"] == job.priority
        assert (document["completed_at"] is not None) == (job.state in ENDED)
        assert meta[b"state"].decode() == job.state
        assert int(meta.get(b"lost", 0)) == job.lost
        assert job.state != "running" or b"worker" in meta
        if job.token:
            assert meta[b"token"].decode() == job.token
        assert all((ttl > 0) == (job.state in ENDED) for ttl in ttls), "no TTL on a live job, one on an ended job"
        if job.unique:
            assert (unique == job.id.encode()) == (job.state not in ENDED), "a live job holds its key, an ended one not"
        self.check_move(job)

    def check_move(self, job: ModelJob) -> None:
        """One rule may hold several transitions (a settle, then its repetition): two moves are enough."""
        before, now = self.states_seen.get(job.id), JobStatus(job.state)
        self.states_seen[job.id] = now
        if before is not None and before is not now:
            nexts = allowed_targets(before)
            assert now in nexts or any(now in allowed_targets(between) for between in nexts)

    def check_outbox(self, snapshot: Snapshot) -> None:
        """Recorded and waiting facts together: the last state, every attempt once, one result for each completion."""
        waiting = [decode_entry(*entry) for entry in snapshot.outbox]
        assert int(snapshot.outbox_bytes or 0) == sum(fact.size_bytes for fact in waiting)
        facts = {job_id: list(seen) for job_id, seen in self.facts_seen.items()}
        firings, rules = list(self.firings_seen), list(self.rules_seen)
        for fact in waiting:
            if isinstance(fact, JobFact):
                facts.setdefault(fact.job_id, []).append(fact)
            elif isinstance(fact, FiringFact):
                firings.append(fact)
            else:
                rules.append(fact)
        self.check_rules(snapshot, rules)
        self.check_firings(snapshot, [fact.firing for fact in firings])
        for job in self.model.jobs.values():
            self.check_story(job, facts[job.id])

    def check_rules(self, snapshot: Snapshot, changes: list[ControlFact]) -> None:
        """The changes on record, one after the other, come to the rules that hold."""
        rules: dict[str, str] = {}
        for change in changes:
            assert rules.get(change.name, "") == change.before
            rules[change.name] = change.after
        assert {name: value for name, value in rules.items() if value} == {
            name.decode(): value.decode() for name, value in snapshot.control.items()
        }

    def check_firings(self, snapshot: Snapshot, recorded: list[Firing]) -> None:
        """A mark lies past each occurrence that was begun; a firing is recorded once, when all its jobs are made."""
        assert {name.decode(): int(mark) for name, mark in snapshot.fired.items()} == self.model.marks
        made = {identity: firing.made for identity, firing in self.model.started.items()}
        assert {identity.decode(): int(number) for identity, number in snapshot.made.items()} == made
        assert snapshot.started.keys() == snapshot.made.keys()
        told = [(f.schedule_name, to_ms(f.fire_time), f.outcome, f.run_id, f.job_ids) for f in recorded]
        assert told == [firing.recorded for firing in self.model.firings]

    def check_story(self, job: ModelJob, facts: list[JobFact]) -> None:
        versions = [fact.version for fact in facts]
        assert versions == list(range(versions[0], versions[0] + len(facts))), "versions rise by one"
        assert facts[0].spec is not None
        ended = [fact.ended_attempt for fact in facts if fact.ended_attempt]
        assert [(a.token, a.outcome) for a in ended] == self.model.attempts.get(job.id, [])
        numbers = [a.attempt for a in ended]
        assert numbers == sorted(set(numbers)), "attempt numbers rise"
        results = [fact for fact in facts if fact.result_json is not None]
        assert len(results) == (1 if job.state == "completed" else 0), "completed means that the result is on its way"
        if job.state in ENDED:
            assert facts[-1].state == job.state
