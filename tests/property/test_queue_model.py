"""A hypothesis state machine drives the real scripts on a real server and compares with the model after each step."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.property.queue_model import ENDED, PRIORITIES, Model, ModelFiring, ModelJob

from pregao.domain.clock import SystemClock, from_ms, to_ms
from pregao.domain.job import JobPriority, JobSpec, JobStatus
from pregao.domain.lifecycle import allowed_targets
from pregao.queue.adoption import adopt
from pregao.queue.commands import QueueCommands
from pregao.queue.connection import open_redis
from pregao.queue.facts import AttemptReport, ControlFact, Firing, FiringFact, JobFact, decode_entry
from pregao.queue.firings import Started
from pregao.queue.messages import Claim, ForeignJob, Settlement
from pregao.store.scrubber import Scrubber

START_MS = 1_800_000_000_000
LEASE_MS = 10_000
GENERATION = 41
EXAMPLES = max(200, settings().max_examples)
STEPS = 40
ADOPT_WITHIN_MS = 30_000
WORKERS = ("w1", "w2")
PARKED_LISTS = [(scraper, priority) for scraper in "abc" for priority in PRIORITIES]
FIXED = 14 + len(PARKED_LISTS)
workers = st.sampled_from(WORKERS)
priorities = st.sampled_from(PRIORITIES)
ends = st.sampled_from(["completed", "completed", "failed", "failed", "killed"])
PER_CALL = 2
steps_taken = st.sampled_from([0, 1, 9])


@dataclass
class Snapshot:
    """All of the server at one moment; per job: status, data, meta, holder of its unique key, three TTLs."""

    ready: list[list[bytes]]
    running: list[tuple[bytes, float]]
    delayed: list[tuple[bytes, float]]
    wake: int
    inuse: dict[bytes, bytes]
    outbox: list[tuple[bytes, dict[bytes, bytes]]]
    outbox_bytes: bytes | None
    fired: dict[bytes, bytes]
    started: dict[bytes, bytes]
    made: dict[bytes, bytes]
    control: dict[bytes, bytes]
    parked: set[bytes]
    waiting_scrapers: dict[tuple[str, str], list[bytes]]
    jobs: dict[str, list[Any]]


def some_tokens(machine: QueueMachine) -> bool:
    """A rule that draws tokens inside a list would abort the example while there are none."""
    return machine.highest_token > 0


class QueueMachine(RuleBasedStateMachine):
    """Rules act on both sides; invariants compare them. The clock is the model's, given to every script."""

    url = ""
    jobs = Bundle("jobs")
    tokens = Bundle("tokens")

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

    # --- rules -------------------------------------------------------------------------------------------------

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

    @rule(target=tokens, worker=workers, want=st.integers(1, 4), reply_lost=st.booleans(), adopts=st.booleans())
    def claim(self, worker: str, want: int, reply_lost: bool, adopts: bool) -> Any:
        fence = max(self.highest_token, self.now * 1_000)
        expected, foreign = self.model.claim(want, worker, self.now + LEASE_MS, self.now, fence)
        claims, found = self.take(worker, want, None, expected, reply_lost)
        assert [job.job_id for job in found] == foreign
        if adopts:
            for job_id in foreign:
                self.model.adopt(ModelJob(job_id, self.model.foreign[job_id], "c", 3, ""))
            assert self.run(adopt(self.queue, found, SystemClock())) == len(foreign)
            assert self.run(adopt(self.queue, found, SystemClock())) == 0, "adopted once"
        for job_id in foreign:
            priority = self.model.foreign.pop(job_id, None)
            if priority is not None:
                self.model.handed[job_id] = (self.now + ADOPT_WITHIN_MS, f"{priority}:{job_id}")
        return multiple(*claims)

    @rule(target=tokens, worker=workers, job_id=jobs, reply_lost=st.booleans())
    def claim_by_id(self, worker: str, job_id: str, reply_lost: bool) -> Any:
        job = self.model.jobs[job_id]
        if job.state not in ("pending", "retry"):
            self.sequence += 1
            answer = self.run(
                self.queue.claim(worker, want=1, lease_ms=LEASE_MS, sequence=self.sequence, job_id=job_id)
            )
            assert (answer.code, answer.claims) == ("refused", [])
            return multiple()
        self.model.claim_by_id(job, worker, self.now + LEASE_MS)
        claims, _ = self.take(worker, 1, job_id, [job_id], reply_lost)
        return multiple(*claims)

    def take(
        self, worker: str, want: int, job_id: str | None, expected: list[str], reply_lost: bool
    ) -> tuple[list[tuple[Claim, str]], list[ForeignJob]]:
        """The model has begun what is expected already; its tokens come from the server."""
        self.sequence += 1

        def call(want: int = want) -> Any:
            return self.run(
                self.queue.claim(worker, want=want, lease_ms=LEASE_MS, sequence=self.sequence, job_id=job_id)
            )

        answer = call()
        assert answer.code == "ok"
        assert answer.unreadable == []
        assert [c.job_id for c in answer.claims] == expected
        if reply_lost and expected:
            for again in (call(), call(want=0), call()):
                assert [(c.job_id, c.token) for c in again.claims] == [(c.job_id, c.token) for c in answer.claims]
        for claim in answer.claims:
            job = self.model.jobs[claim.job_id]
            job.token = claim.token
            generation, number = claim.token.split("-")
            assert int(generation) == self.generation
            assert int(number) > self.highest_token, "tokens rise"
            self.highest_token = int(number)
            assert claim.attempt == job.attempt
            assert claim.retry_count == job.retry_count
        return [(claim, claim.token) for claim in answer.claims], answer.foreign

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

    @rule(attempts=st.lists(st.tuples(tokens, ends, st.booleans(), st.booleans()), min_size=1, max_size=3))
    def settle(self, attempts: list[tuple[tuple[Claim, str], str, bool, bool]]) -> None:
        """Any token that was ever given, current or stale, in batches that may name one job twice."""
        settlements, expected = [], []
        for (claim, token), end, retryable, big in attempts:
            completed = end == "completed"
            result = (b'"' + b"x" * 20_000 + b'"') if big else b'{"price":1.5}'
            settlements.append(
                Settlement(
                    claim=claim,
                    completed=completed,
                    killed=end == "killed",
                    report=AttemptReport(error=None if completed else 'it "broke"', response_time_seconds=0.5),
                    retryable=retryable,
                    delay_ms=2_000,
                    result_json=result if completed else None,
                )
            )
            expected.append(self.expect_settle(claim.job_id, token, end, retryable))
        answers = self.run(self.queue.settle(settlements))
        assert [a.code for a in answers] == expected
        again = self.run(self.queue.settle(settlements))
        assert all(a.code in ("dup", "stale") for a in again), "a repeated settle changes nothing"
        for first, second in zip(answers, again, strict=True):
            assert first.code != "ok" or second.code == "dup"

    def expect_settle(self, job_id: str, token: str, outcome: str, retryable: bool) -> str:
        job = self.model.jobs[job_id]
        if job.state == "running" and job.token == token:
            self.model.settle(job, outcome, retryable, self.now + 2_000)
            return "ok"
        return "dup" if job.last == (token, outcome) else "stale"

    @rule(attempt=tokens, delay=st.sampled_from([0, 0, 3_000]))
    def release(self, attempt: tuple[Claim, str], delay: int) -> None:
        claim, token = attempt
        job = self.model.jobs[claim.job_id]
        if job.state == "running" and job.token == token:
            self.model.release(job, delay, self.now)
            expected = "ok"
        else:
            expected = "dup" if job.last == (token, "released") else "stale"
        (answer,) = self.run(self.queue.release([(claim.job_id, token)], delay_ms=delay))
        assert answer.code == expected
        (again,) = self.run(self.queue.release([(claim.job_id, token)], delay_ms=delay))
        assert again.code == ("stale" if expected == "stale" else "dup")

    @precondition(some_tokens)
    @rule(worker=workers, attempts=st.lists(tokens, max_size=4))
    def renew(self, worker: str, attempts: list[tuple[Claim, str]]) -> None:
        pairs: list[Any] = []
        expected = []
        for claim, token in attempts:
            pairs += [claim.job_id, token]
            job = self.model.jobs[claim.job_id]
            if job.state == "running" and job.token == token:
                job.deadline = self.now + LEASE_MS
                expected.append(b"CANCEL" if job.cancel else b"OK")
            else:
                expected.append(b"LOST")
        call = self.queue._scripts.call("renew", worker, LEASE_MS, b'{"id":"w","slots":1}', *pairs)
        assert self.run(call) == expected

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
    def reclaim_expired(self) -> None:
        expired = [j for j in self.model.running() if j.deadline < self.now]
        for job in sorted(expired, key=lambda j: (j.deadline, j.id)):
            self.model.reclaim(job)
        answers = self.run(self.queue.reclaim())
        assert answers == {job.id: JobStatus(job.state) for job in expired}

    @rule(worker=workers)
    def worker_is_known_to_be_dead(self, worker: str) -> None:
        dead = self.model.running(worker)
        for job in sorted(dead, key=lambda j: (j.deadline, j.id)):
            self.model.reclaim(job)
        answers = self.run(self.queue.reclaim(dead_worker=worker))
        assert answers == {job.id: JobStatus(job.state) for job in dead}

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

    # --- invariants ----------------------------------------------------------------------------------------------

    @invariant()
    def everything_is_as_the_model_says(self) -> None:
        snapshot = self.run(self.read_all(list(self.model.jobs.values())))
        self.check_lists_and_sets(snapshot)
        for job in self.model.jobs.values():
            self.check_job(job, snapshot.jobs[job.id])
        self.check_outbox(snapshot)

    async def read_all(self, jobs: list[ModelJob]) -> Snapshot:
        async with self.redis.pipeline(transaction=False) as pipe:
            for priority in PRIORITIES:
                pipe.lrange(f"scraper:jobs:{priority}", 0, -1)
            pipe.zrange("scraper:running", 0, -1, withscores=True)
            pipe.zrange("scraper:delayed", 0, -1, withscores=True)
            pipe.llen("scraper:wake").hgetall("scraper:inuse")
            pipe.xrange("scraper:outbox").get("scraper:outbox_bytes")
            pipe.hgetall("scraper:fired").hgetall("scraper:started").hgetall("scraper:made")
            pipe.hgetall("scraper:control").smembers("scraper:parked")
            for scraper, priority in PARKED_LISTS:
                pipe.lrange(f"scraper:parked:{scraper}:{priority}", 0, -1)
            for job in jobs:
                status, data, meta = (f"scraper:job:{job.id}:{part}" for part in ("status", "data", "meta"))
                pipe.get(status).get(data).hgetall(meta).get(f"scraper:uniq:{job.unique}")
                pipe.ttl(status).ttl(data).ttl(meta)
            answers = await pipe.execute()
        lists = dict(zip(PARKED_LISTS, answers[14:FIXED], strict=True))
        each = [answers[start : start + 7] for start in range(FIXED, len(answers), 7)]
        by_job = {job.id: part for job, part in zip(jobs, each, strict=True)}
        return Snapshot(answers[:3], *answers[3:14], lists, by_job)

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


def run_machine(url: str, examples: int, steps: int) -> None:
    machine = type("Machine", (QueueMachine,), {"url": url})
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
