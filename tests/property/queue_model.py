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
    parked: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    pauses: dict[str, int] = field(default_factory=dict)
    caps: dict[str, int] = field(default_factory=dict)
    fair: int = 0
    since: int = 0
    turn: int = 0
    foreign: dict[str, str] = field(default_factory=dict)
    handed: dict[str, tuple[int, str]] = field(default_factory=dict)
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

    # --- what holds jobs back

    def paused(self, kind: str, name: str, now: int) -> bool:
        end = self.pauses.get(f"{kind}:{name}")
        return end is not None and (end == 0 or end > now)

    def room(self, scraper: str, now: int) -> float:
        if self.paused("scraper", scraper, now):
            return 0
        running = sum(job.scraper == scraper for job in self.running())
        return self.caps[scraper] - running if scraper in self.caps else float("inf")

    def parked_scrapers(self) -> list[str]:
        return sorted({scraper for (scraper, _), ids in self.parked.items() if ids})

    def where(self, job: ModelJob) -> list[str]:
        """The list in which a pending job waits; an empty one when it is in none."""
        for ids in (self.ready[job.priority], self.parked.get((job.scraper, job.priority), [])):
            if job.id in ids:
                return ids
        return []

    def leave_queue(self, job: ModelJob) -> None:
        ids = self.where(job)
        if ids:
            ids.remove(job.id)

    def to_front(self, job: ModelJob) -> None:
        kin = self.parked.get((job.scraper, job.priority))
        (kin or self.ready[job.priority]).append(job.id)

    # --- claim

    def claim(  # noqa: C901 - the same steps as the script, in one place
        self, want: int, worker: str, deadline: int, now: int, fence: int
    ) -> tuple[list[str], list[str]]:
        """Ids in the order in which a claim starts them, and foreign ids that it hands over."""
        begun: list[str] = []
        handed: list[str] = []

        def consider(job_id: str, priority: str) -> None:
            job = self.jobs.get(job_id)
            if job is None:
                handed.append(job_id)
            elif self.room(job.scraper, now) > 0:
                self.begin(job, worker, deadline)
                begun.append(job_id)
            else:
                self.parked.setdefault((job.scraper, priority), []).insert(0, job_id)

        def take(count: int, order: tuple[str, ...]) -> int:
            before = len(begun)
            limit = before + count
            for priority in order:
                if len(begun) >= limit or self.paused("priority", priority, now):
                    continue
                scrapers, popped = self.parked_scrapers(), True
                first = (fence + len(begun)) % max(1, len(scrapers))
                while popped and len(begun) < limit:
                    popped = False
                    for turn in range(len(scrapers)):
                        scraper = scrapers[(first + turn) % len(scrapers)]
                        ids = self.parked.get((scraper, priority))
                        if ids and len(begun) < limit and self.room(scraper, now) > 0:
                            popped = True
                            consider(ids.pop(), priority)
                while len(begun) < limit and self.ready[priority]:
                    several = min(limit - len(begun), len(self.ready[priority]))
                    for job_id in [self.ready[priority].pop() for _ in range(several)]:
                        consider(job_id, priority)
            return len(begun) - before

        if self.fair < 2:
            take(want, PRIORITIES)
            return begun, handed
        found = 1
        while len(begun) < want and found:
            if self.since < self.fair - 1:
                found = take(min(want - len(begun), self.fair - 1 - self.since), PRIORITIES)
                self.since += found
            else:
                found = take(1, ("normal", "low", "high") if self.turn == 0 else ("low", "normal", "high"))
                if found:
                    self.since, self.turn = 0, 1 - self.turn
        return begun, handed

    def claim_by_id(self, job: ModelJob, worker: str, deadline: int) -> None:
        if job.state == "pending":
            self.leave_queue(job)
        self.begin(job, worker, deadline)

    def begin(self, job: ModelJob, worker: str, deadline: int) -> None:
        job.state, job.worker, job.deadline = "running", worker, deadline
        job.attempt += 1

    def adopt(self, job: ModelJob) -> None:
        self.foreign.pop(job.id, None)
        self.jobs[job.id] = job
        self.ready[job.priority].append(job.id)

    def lost_ones(self) -> list[ModelJob]:
        """Pending and in no list: somebody else took the id out."""
        return [job for job in self.jobs.values() if job.state == "pending" and not self.where(job)]

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
        elif outcome == "killed":
            job.lost += 1
            job.state, job.due = ("failed", 0) if job.lost >= POISON else ("retry", due)
        elif retryable and job.retry_count < job.max_retries:
            job.retry_count += 1
            job.state, job.due = "retry", due
        else:
            job.state = "failed"
        recorded = "cancelled" if job.state == "cancelled" else "completed" if outcome == "completed" else "failed"
        self._leave(job, recorded, outcome)

    def release(self, job: ModelJob, delay: int, now: int) -> None:
        if job.cancel:
            job.state = "cancelled"
        elif delay:
            job.state, job.due = "retry", now + delay
        else:
            job.state = "pending"
            self.to_front(job)
        self._leave(job, "cancelled" if job.cancel else "released", "released")

    def reclaim(self, job: ModelJob) -> None:
        job.lost += 1
        if job.cancel:
            job.state = "cancelled"
        elif job.lost >= POISON:
            job.state = "failed"
        else:
            job.state = "pending"
            self.to_front(job)
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
            self.leave_queue(job)
        job.state = "cancelled"
        return "cancelled"

    def change_priority(self, job: ModelJob, priority: str) -> str:
        if job.state not in ("pending", "retry"):
            return "refused"
        if job.state == "pending" and job.priority != priority:
            self.leave_queue(job)
            self.ready[priority].insert(0, job.id)
        job.priority = priority
        return "ok"

    def running(self, worker: str | None = None) -> list[ModelJob]:
        return [j for j in self.jobs.values() if j.state == "running" and worker in (None, j.worker)]
