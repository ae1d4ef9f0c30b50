"""What a person sees when the system is up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from heapq import merge
from itertools import islice
from urllib.parse import urlsplit, urlunsplit

import msgspec

from pregao.domain.clock import MARKET_ZONE, Clock
from pregao.domain.names import counted
from pregao.domain.schedule import Schedule
from pregao.limits.disabled import DISABLED
from pregao.scheduler.loader import NO_SCRAPER, NOT_LOADED, ScheduleFile
from pregao.scheduler.triggers import upcoming
from pregao.settings import Settings
from pregao.system.engines import DATABASE_PORT, REDIS_PORT, Engines
from pregao.version import running_version

FIRINGS_SHOWN = 3


class Firing(msgspec.Struct, frozen=True, order=True):
    """A firing to come."""

    at: datetime
    name: str
    scraper: str
    jobs: int


def next_firings(schedules: list[Schedule], now: datetime, limit: int = FIRINGS_SHOWN) -> list[Firing]:
    """The next `limit` firings of enabled schedules after `now`, soonest first."""
    streams = [_firings_of(schedule, now) for schedule in schedules if schedule.enabled]
    return list(islice(merge(*streams), limit))


def _firings_of(schedule: Schedule, after: datetime) -> Iterator[Firing]:
    for moment in upcoming(schedule, after):
        yield Firing(moment, schedule.name, schedule.scraper, len(schedule.tickers))


def banner(settings: Settings, engines: Engines, file: ScheduleFile, clock: Clock, pids: dict[str, int]) -> str:
    """The whole text, in plain lines."""
    enabled = [schedule for schedule in file.schedules.values() if schedule.enabled]
    firing = [schedule for schedule in enabled if schedule.name in file.scrapers]
    slots = counted(settings.concurrent_jobs, "slot")
    asleep = [file.asleep[schedule.name] for schedule in enabled if schedule.name in file.asleep]
    broken = sum(lack.startswith(NOT_LOADED) for lack in asleep)
    lacks = {
        "without an installed scraper": asleep.count(NO_SCRAPER),
        "of a disabled one": asleep.count(DISABLED),
        "whose scraper does not load (pregao scrapers list)": broken,
        "not configured (pregao schedules list)": sum(lack.startswith("not configured") for lack in asleep),
    }
    idle = "".join(f", {count} of them {what}" for what, count in lacks.items() if count)
    trouble = counted(len(file.problems), "problem")
    faulty = f"; {trouble}: pregao schedules check {file.path}" if file.problems else ""
    api = api_url(settings)
    rows = [
        ("API", f"{api}   (docs: {api}/docs)", pids.get("api")),
        ("scheduler", f"{counted(len(enabled), 'schedule')} of {file.path}{idle}{faulty}", pids.get("scheduler")),
        ("worker", f"{slots} and the recorder", pids.get("worker")),
        ("Redis", f"{without_password(engines.redis_url)}   {_redis_note(engines)}", pids.get("valkey")),
        ("PostgreSQL", f"{without_password(engines.database_url)}   {_database_note(engines)}", pids.get("postgres")),
        ("data", str(settings.home), None),
    ]
    lines = [f"{f'Pregão {running_version()}'.strip()} is up.", ""]
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


def without_password(url: str) -> str:
    """`url` as it may be shown: the same, without its password."""
    parts = urlsplit(url)
    netloc = parts.netloc
    if parts.password is not None:
        host = netloc.rpartition("@")[2]
        netloc = f"{parts.username}@{host}" if parts.username else host
    query = "&".join(part for part in parts.query.split("&") if not part.startswith("password="))
    if (netloc, query) == (parts.netloc, parts.query):
        return url
    return urlunsplit(parts._replace(netloc=netloc, query=query))
