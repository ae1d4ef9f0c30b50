"""Pregão: job scheduling and queueing for scrapers of the Brazilian stock market.

from pregao import Job, JobPriority, JobQueue

async with JobQueue() as queue:
    await queue.push(Job(scraper_name="B3", ticker="PETR4", priority=JobPriority.HIGH))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pregao.domain.job import Job, JobPriority, JobStatus
    from pregao.jobqueue import JobQueue
    from pregao.scheduler.service import ScraperScheduler
    from pregao.system.up import run_scheduler_system
    from pregao.worker.processor import JobProcessor

__all__ = [
    "Job",
    "JobPriority",
    "JobProcessor",
    "JobQueue",
    "JobStatus",
    "ScraperScheduler",
    "run_scheduler_system",
]

_HOMES = {
    "Job": "pregao.domain.job",
    "JobPriority": "pregao.domain.job",
    "JobProcessor": "pregao.worker.processor",
    "JobQueue": "pregao.jobqueue",
    "JobStatus": "pregao.domain.job",
    "ScraperScheduler": "pregao.scheduler.service",
    "run_scheduler_system": "pregao.system.up",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import pregao` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'pregao' has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return sorted({*globals(), *__all__})
