"""What a person sees when the system is up."""

from __future__ import annotations

from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import urlsplit, urlunsplit

import msgspec

from pregao.domain.clock import MARKET_ZONE, Clock
from pregao.domain.names import counted
from pregao.domain.schedule import Schedule
from pregao.scheduler.loader import NO_SCRAPER, NOT_LOADED, ScheduleFile
from pregao.scheduler.triggers import next_fire
from pregao.settings import Settings
from pregao.system.engines import DATABASE_PORT, REDIS_PORT, Engines

FIRINGS_SHOWN = 3


class Firing(msgspec.Struct, frozen=True, order=True):
    """A firing to come."""

    at: datetime
    name: str
    scraper: str
    jobs: int


def next_firings(schedules: list[Schedule], now: datetime, limit: int = FIRINGS_SHOWN) -> list[Firing]:
    """The next `limit` firings of enabled schedules after `now`, soonest first."""
    found: list[Firing] = []
    for schedule in schedules:
        after = now
        for _ in range(limit if schedule.enabled else 0):
            moment = next_fire(schedule, after)
            if moment is None:
                break
            found.append(Firing(moment, schedule.name, schedule.scraper, len(schedule.tickers)))
            after = moment
    return sorted(found)[:limit]


def banner(settings: Settings, engines: Engines, file: ScheduleFile, clock: Clock, pids: dict[str, int]) -> str:
    """The whole text, in plain lines."""
    enabled = [schedule for schedule in file.schedules.values() if schedule.enabled]
    firing = [schedule for schedule in enabled if schedule.name in file.scrapers]
    slots = counted(settings.concurrent_jobs, "slot")
    asleep = [file.asleep[schedule.name] for schedule in enabled if schedule.name in file.asleep]
    broken = sum(lack.startswith(NOT_LOADED) for lack in asleep)
    lacks = {
        "without an installed scraper": asleep.count(NO_SCRAPER),
        "whose scraper does not load (pregao scrapers list)": broken,
        "not configured (pregao schedules list)": len(asleep) - asleep.count(NO_SCRAPER) - broken,
    }
    idle = "".join(f", {count} of them {what}" for what, count in lacks.items() if count)
    trouble = counted(len(file.problems), "problem")
    faulty = f"; {trouble}: pregao schedules check {file.path}" if file.problems else ""
    api = api_url(settings)
    rows = [
        ("API", f"{api}   (docs: {api}/docs)", pids.get("api")),
        ("scheduler", f"{counted(len(enabled), 'schedule')} of {file.path}{idle}{faulty}", pids.get("scheduler")),
        ("worker", f"{slots} and the recorder", pids.get("worker")),
        ("Redis", f"{_shown(engines.redis_url)}   {_redis_note(engines)}", pids.get("valkey")),
        ("PostgreSQL", f"{_shown(engines.database_url)}   {_database_note(engines)}", pids.get("postgres")),
        ("data", str(settings.home), None),
    ]
    lines = [f"Pregão{_version()} is up.", ""]
    lines += [f"  {name:<11} {what}{f'   [{pid}]' if pid else ''}" for name, what, pid in rows]
    lines += ["", "Next firings (America/Sao_Paulo)"]
    lines += [_firing_line(firing) for firing in next_firings(firing, clock.now())] or ["  none"]
    lines += ["", f"Stop with Ctrl-C, or: kill {pids['up']}", ""]
    return "\n".join(lines)


def api_url(settings: Settings) -> str:
    """The API as a browser on this machine reaches it."""
    host = (
        "127.0.0.1"
        if settings.api_host in ("0.0.0.0", "")
        else "[::1]"
        if settings.api_host == "::"
        else settings.api_host
    )
    return f"http://{host}:{settings.api_port}"


def _firing_line(firing: Firing) -> str:
    what = f"{firing.name}: {firing.scraper}, {counted(firing.jobs, 'job')}"
    return f"  {firing.at.astimezone(MARKET_ZONE):%a %Y-%m-%d %H:%M:%S}  {what}"


def _redis_note(engines: Engines) -> str:
    if engines.valkey is None:
        return "(yours)"
    return "(embedded Valkey" + _moved(REDIS_PORT, engines.valkey.port) + ")"


def _database_note(engines: Engines) -> str:
    if engines.postgres is None:
        return "(yours)"
    return "(embedded; password: pregao env" + _moved(DATABASE_PORT, engines.postgres.port) + ")"


def _moved(wanted: int, got: int) -> str:
    return "" if wanted == got else f"; port {wanted} is taken by another program"


def _shown(url: str) -> str:
    """`url` without its password."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    netloc = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}@{netloc}" if parts.username else netloc))


def _version() -> str:
    try:
        return f" {version('pregao')}"
    except PackageNotFoundError:
        return ""  # run from a checkout
