"""Every Redis key, built in one place for Python; `lua/shared/head.lua` builds the same names for the scripts."""

from __future__ import annotations

from pregao.domain.job import JobPriority

DEFAULT_PREFIX = "scraper:"


class Keys:
    """The names under one prefix. On a Redis Cluster the prefix carries a hash tag: `{scraper}:`."""

    def __init__(self, prefix: str = DEFAULT_PREFIX) -> None:
        self.prefix = prefix
        self.generation = f"{prefix}generation"
        self.running = f"{prefix}running"
        self.delayed = f"{prefix}delayed"
        self.wake = f"{prefix}wake"
        self.wake_others = f"{prefix}wake_others"
        self.outbox = f"{prefix}outbox"
        self.outbox_bytes = f"{prefix}outbox_bytes"
        self.outbox_dead = f"{prefix}outbox:dead"
        self.inuse = f"{prefix}inuse"
        self.inuse_host = f"{prefix}inuse_host"
        self.fence = f"{prefix}fence"
        self.fired = f"{prefix}fired"
        self.started = f"{prefix}started"
        self.made = f"{prefix}made"
        self.workers = f"{prefix}workers"
        self.schedulers = f"{prefix}schedulers"
        self.clock = f"{prefix}clock"
        self.control = f"{prefix}control"
        self.holds = f"{prefix}holds"
        self.slow = f"{prefix}slow"
        self.failures = f"{prefix}failures"
        self.parked = f"{prefix}parked"
        self.orphans = f"{prefix}orphans"
        self.cancel = f"{prefix}cancel"
        self.events = f"{prefix}events"

    def ready(self, priority: JobPriority) -> str:
        """LIST of the ids that may be claimed at this priority: LPUSH in, RPOP out."""
        return f"{self.prefix}jobs:{priority.value}"

    def run(self, run_id: str) -> str:
        """STRING with the firing of a run by hand, for 24 hours."""
        return f"{self.prefix}run:{run_id}"

    def starts(self, source: str) -> str:
        """The latest starts of a source, `scraper:{name}` or `host:{name}`: times in ms, the newest in front."""
        return f"{self.prefix}starts:{source}"

    def parked_jobs(self, scraper: str, priority: JobPriority) -> str:
        """LIST of the ids of one scraper that something holds back; `scraper` is folded."""
        return f"{self.prefix}parked:{scraper}:{priority.value}"

    def status(self, job_id: str) -> str:
        """STRING with the job's status."""
        return f"{self.prefix}job:{job_id}:status"

    def data(self, job_id: str) -> str:
        """STRING with the job's JSON document."""
        return f"{self.prefix}job:{job_id}:data"

    def meta(self, job_id: str) -> str:
        """HASH that is the authority on a live job."""
        return f"{self.prefix}job:{job_id}:meta"
