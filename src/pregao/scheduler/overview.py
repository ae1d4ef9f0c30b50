"""A schedule as every door shows it: its fields, its rule in words, its state, and when it fires next."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Any

from pregao.domain.clock import market_iso
from pregao.domain.rule_words import in_words
from pregao.domain.schedule import DEFAULT_TIMEZONE, Schedule, ScheduleType
from pregao.scheduler.loader import NO_SCRAPER, ScheduleFile
from pregao.scheduler.triggers import next_fire, upcoming


def state_of(file: ScheduleFile, name: str, now: datetime) -> str:
    """`scheduled`, `disabled`, `over` (it never fires again), or what its scraper lacks: `no scraper` …"""
    if not file.schedules[name].enabled:
        return "disabled"
    if name not in file.scrapers:
        return file.asleep.get(name, NO_SCRAPER)
    return "over" if next_fire(file.schedules[name], now) is None else "scheduled"


def describe(file: ScheduleFile, name: str, now: datetime, firings: int) -> dict[str, Any]:
    """A loaded schedule as a document, with at most `firings` firings to come, in market time."""
    schedule = file.schedules[name]
    state = state_of(file, name, now)
    silent = file.why_silent(name) or ("nothing is left to fire" if state == "over" else None)
    coming = [] if silent else [market_iso(moment) for moment in islice(upcoming(schedule, now), max(1, firings))]
    return {
        "name": name,
        **schedule.document(),
        "scraper_name": file.scrapers.get(name),
        "rule": _in_words(schedule),
        "trigger": schedule.trigger,
        "jobs": len(schedule.tickers),
        "state": state,
        "why_silent": silent,
        "next_run_time": coming[0] if coming else None,
        "next_firings": coming[:firings],
    }


def _in_words(schedule: Schedule) -> str:
    words = in_words(schedule.rule)
    local = schedule.type is ScheduleType.CRON and schedule.timezone != DEFAULT_TIMEZONE
    return f"{words} ({schedule.timezone})" if local else words
