"""What the queue should be, in plain Python: the model that the real scripts are compared with after each step."""

from __future__ import annotations

from dataclasses import dataclass, field

PRIORITIES = ("high", "normal", "low")
ENDED = ("completed", "failed", "cancelled")
POISON = 3


@dataclass
class ModelJob:
    id: str
    priority: str
    scraper: str
    max_retries: int
    unique: str
    state: str = "pending"
    attempt: int = 0
    retry_count: int = 0
    lost: int = 0
    token: str | None = None
    worker: str | None = None
    deadline: int = 0
    due: int = 0
    cancel: bool = False
    last: tuple[str, str] | None = None


@dataclass
class ModelFiring:
    """A firing with its jobs, of which `made` exist; only one that is run by hand has a `run`."""

    schedule: str
    time: int
    outcome: str
    run: str | None
    jobs: list[ModelJob]
    made: int = 0

    @property
    def identity(self) -> str:
        return self.run or f"{self.time}:{self.schedule}"

    @property
    def recorded(self) -> tuple[str, int, str, str | None, list[str]]:
        return self.schedule, self.time, self.outcome, self.run, [job.id for job in self.jobs]


@dataclass
class Model:
    jobs: dict[str, ModelJob] = field(default_factory=dict)
    ready: dict[str, list[str]] = field(default_factory=lambda: {p: [] for p in PRIORITIES})
    marks: dict[str, int] = field(default_factory=dict)
    started: dict[str, ModelFiring] = field(default_factory=dict)
    firings: list[ModelFiring] = field(default_factory=list)
    runs: dict[str, ModelFiring] = field(default_factory=dict)
    attempts: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def holder(self, unique: str) -> str | None:
        live = [j.id for j in self.jobs.values() if j.unique == unique and j.state not in ENDED]
        return live[0] if unique and live else None

    def create(self, job: ModelJob) -> tuple[str, str]:
        if job.id in self.jobs:
            return "exists", job.id
        holder = self.holder(job.unique)
        if holder:
            return "duplicate", holder
        self.jobs[job.id] = job
        self.ready[job.priority].insert(0, job.id)
        return "created", job.id

    def fire(self, firing: ModelFiring, now: int, at_most: int) -> str:
        if firing.time > now:
            return "early"
        if firing.time <= self.marks.get(firing.schedule, -1):
            return "already"
        self.marks[firing.schedule] = firing.time
        self.go_on(firing, at_most)
        return "fired"

    def run(self, firing: ModelFiring, at_most: int) -> ModelFiring:
        assert firing.run is not None
        if firing.run not in self.runs:
            self.runs[firing.run] = firing
            self.go_on(firing, at_most)
        return self.runs[firing.run]

    def go_on(self, firing: ModelFiring, at_most: int) -> None:
        for job in firing.jobs[firing.made : firing.made + at_most]:
            self.create(job)
        firing.made = min(firing.made + at_most, len(firing.jobs))
        if firing.made < len(firing.jobs):
            self.started[firing.identity] = firing
        else:
            self.started.pop(firing.identity, None)
            self.firings.append(firing)

    def next_ids(self, want: int) -> list[str]:
        order = [job_id for p in PRIORITIES for job_id in reversed(self.ready[p])]
        return order[:want]

    def start(self, job_id: str, worker: str, deadline: int) -> ModelJob:
        job = self.jobs[job_id]
        if job.state == "pending":
            self.ready[job.priority].remove(job_id)
        job.state, job.worker, job.deadline = "running", worker, deadline
        job.attempt += 1
        return job

    def _leave(self, job: ModelJob, recorded: str, answered: str) -> None:
        assert job.token is not None
        self.attempts.setdefault(job.id, []).append((job.token, recorded))
        job.last = (job.token, answered)
        job.token = job.worker = None

    def settle(self, job: ModelJob, outcome: str, retryable: bool, due: int) -> None:
        if outcome == "completed":
            job.state = "completed"
        elif job.cancel:
            job.state = "cancelled"
        elif retryable and job.retry_count < job.max_retries:
            job.retry_count += 1
            job.state, job.due = "retry", due
        else:
            job.state = "failed"
        recorded = "cancelled" if job.state == "cancelled" else outcome
        self._leave(job, recorded, outcome)

    def release(self, job: ModelJob, delay: int, now: int) -> None:
        if job.cancel:
            job.state = "cancelled"
        elif delay:
            job.state, job.due = "retry", now + delay
        else:
            job.state = "pending"
            self.ready[job.priority].append(job.id)
        self._leave(job, "cancelled" if job.cancel else "released", "released")

    def reclaim(self, job: ModelJob) -> None:
        job.lost += 1
        if job.cancel:
            job.state = "cancelled"
        elif job.lost >= POISON:
            job.state = "failed"
        else:
            job.state = "pending"
            self.ready[job.priority].append(job.id)
        self._leave(job, "cancelled" if job.cancel else "lost", "lost")

    def promote(self, job: ModelJob) -> None:
        job.state = "pending"
        self.ready[job.priority].insert(0, job.id)

    def cancel(self, job: ModelJob) -> str:
        if job.state in ENDED:
            return "ended"
        if job.state == "running":
            job.cancel = True
            return "requested"
        if job.state == "pending":
            self.ready[job.priority].remove(job.id)
        job.state = "cancelled"
        return "cancelled"

    def change_priority(self, job: ModelJob, priority: str) -> str:
        if job.state not in ("pending", "retry"):
            return "refused"
        if job.state == "pending" and job.priority != priority:
            self.ready[job.priority].remove(job.id)
            self.ready[priority].insert(0, job.id)
        job.priority = priority
        return "ok"

    def running(self, worker: str | None = None) -> list[ModelJob]:
        return [j for j in self.jobs.values() if j.state == "running" and worker in (None, j.worker)]
