"""One occurrence of a schedule: what becomes of it, and the jobs it makes. Pure, and the same for every scheduler."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import msgspec

from pregao.domain.clock import market_iso
from pregao.domain.job import JobSpec
from pregao.domain.schedule import CatchUp, Schedule, occurrence_job_id, run_job_id
from pregao.queue.facts import Firing, FiringOutcome
from pregao.scheduler.triggers import next_fire

ON_TIME = timedelta(seconds=5)
"""A firing that is handled within this time is on time, whatever its misfire grace."""


class Occurrence(msgspec.Struct, frozen=True):
    """A handled occurrence or a run by hand, ready to be written: the firing and its jobs (none unless it runs)."""

    firing: Firing
    specs: list[JobSpec]


def handle(schedule: Schedule, scraper: str, fire_time: datetime, now: datetime, max_retries: int) -> Occurrence:
    """Decide about the occurrence at `fire_time`, seen at `now`. `scraper` is the canonical name.

    `max_retries` is for a schedule that says nothing about it; a job without a timeout has that of its scraper.
    """
    outcome, detail = decide(schedule, fire_time, now)
    runs = outcome in ("fired", "late")
    job_id = partial(occurrence_job_id, schedule.name, fire_time)
    specs = _specs(schedule, scraper, fire_time, now, max_retries, job_id) if runs else []
    firing = Firing(
        schedule_name=schedule.name,
        scraper_name=scraper,
        fire_time=fire_time,
        outcome=outcome,
        tickers=list(schedule.tickers),
        job_ids=[spec.id for spec in specs],
        detail=detail,
    )
    return Occurrence(firing, specs)


def by_hand(
    schedule: Schedule, scraper: str, now: datetime, max_retries: int, *, run_id: str, requested_by: str | None
) -> Occurrence:
    """A run of the schedule at `now`, whatever its rule says. Raises InvalidInput when its jobs could never run."""
    specs = _specs(schedule, scraper, now, now, max_retries, partial(run_job_id, run_id))
    firing = Firing(
        schedule_name=schedule.name,
        scraper_name=scraper,
        fire_time=now,
        outcome="manual",
        tickers=list(schedule.tickers),
        job_ids=[spec.id for spec in specs],
        run_id=run_id,
        requested_by=requested_by,
    )
    return Occurrence(firing, specs)


def decide(schedule: Schedule, fire_time: datetime, now: datetime) -> tuple[FiringOutcome, str | None]:
    """The outcome of an occurrence, and why when it is not simply fired.

    It depends on nothing but the schedule and the clock, so that any scheduler may take over after any step.
    """
    lateness = now - fire_time
    late = f"{lateness.total_seconds():.0f} s late"
    if lateness <= ON_TIME:
        return "fired", None
    if lateness.total_seconds() <= schedule.misfire_grace_seconds:
        return "late", late
    match schedule.catch_up:
        case CatchUp.NONE:
            return "missed", f"{late}, more than misfire_grace_seconds {schedule.misfire_grace_seconds:g}"
        case CatchUp.ALL:
            return "late", f"{late}, catch_up all"
        case CatchUp.LATEST:
            newer = next_fire(schedule, fire_time)
            if newer is not None and newer <= now:
                return "coalesced", f"{late}, merged into a later one from {market_iso(newer)}"
            return "late", f"{late}, catch_up latest"


def _specs(
    schedule: Schedule,
    scraper: str,
    fire_time: datetime,
    now: datetime,
    max_retries: int,
    job_id: Callable[[str | None], str],
) -> list[JobSpec]:
    metadata = {"schedule_name": schedule.name, "scheduled_at": market_iso(fire_time), **schedule.metadata}
    return [
        JobSpec(
            id=job_id(ticker),
            scraper_name=scraper,
            ticker=ticker,
            priority=schedule.priority,
            max_retries=max_retries if schedule.max_retries is None else schedule.max_retries,
            timeout_seconds=schedule.timeout_seconds,
            metadata=metadata,
            schedule_name=schedule.name,
            fire_time=fire_time,
            created_at=now,
        )
        for ticker in schedule.tickers
    ]
