"""Steps of the model test: attempts that begin, are renewed, and end in every way, with every token."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import multiple, precondition, rule
from tests.property.queue_machine import LEASE_MS, QueueMachine, jobs, tokens, workers
from tests.property.queue_model import ModelJob

from pregao.domain.clock import SystemClock
from pregao.domain.job import JobStatus
from pregao.queue.adoption import adopt
from pregao.queue.facts import AttemptReport
from pregao.queue.messages import Claim, ForeignJob, Settlement

ADOPT_WITHIN_MS = 30_000
ends = st.sampled_from(["completed", "completed", "failed", "failed", "killed"])


def some_tokens(machine: QueueMachine) -> bool:
    """A rule that draws tokens inside a list would abort the example while there are none."""
    return machine.highest_token > 0


class AttemptSteps(QueueMachine):
    """Rules that act on both sides. Any token that was ever given is used again, current or stale."""

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
