"""The whole examination: what is looked at, in which order, and that nothing that is found can end it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from pregao.doctor.environment import read_settings
from pregao.doctor.finding import Finding, error
from pregao.doctor.guard import guarded
from pregao.doctor.home import look_at_home
from pregao.doctor.limits import look_at_limits
from pregao.doctor.postgres_server import look_at_postgres
from pregao.doctor.redis_server import look_at_redis
from pregao.doctor.schedules import look_at_schedules
from pregao.doctor.scrapers import look_at_scrapers
from pregao.domain.clock import Clock, SystemClock
from pregao.settings import Settings
from pregao.settings.values import DB_PARTS, REDIS_PARTS


async def examine_environment(
    env_file: str | Path | None = ".env", *, environ: Mapping[str, str] | None = None, clock: Clock | None = None
) -> list[Finding]:
    """All findings about the settings of this environment and the system that they describe. Never raises for them."""
    settings, findings, bad = read_settings(env_file, environ)
    return findings + await examine(settings, clock, not_given=bad)


async def examine(
    settings: Settings, clock: Clock | None = None, *, not_given: frozenset[str] = frozenset()
) -> list[Finding]:
    """All findings about a system, in the order in which a newcomer should read them. Never raises for what it finds.

    A server whose variables are in `not_given` is not looked for anywhere else.
    """
    clock = clock or SystemClock()
    redis, postgres = look_at_redis(settings, clock), look_at_postgres(settings, clock)
    if bad := not_given & {"REDIS_URL", *REDIS_PARTS}:
        redis = _not_looked_at("Redis", bad)
    if bad := not_given & {"DATABASE_URL", *DB_PARTS}:
        postgres = _not_looked_at("PostgreSQL", bad)
    parts = await asyncio.gather(
        _found("home", look_at_home(settings)),
        _found("Redis", redis),
        _found("PostgreSQL", postgres),
        _found("scrapers", look_at_scrapers(settings)),
        _found("limits", look_at_limits(settings)),
        _found("schedules", look_at_schedules(settings, clock)),
    )
    return [finding for part in parts for finding in part]


async def _found(subject: str, looking: AsyncIterator[Finding]) -> list[Finding]:
    return [finding async for finding in guarded(subject, looking)]


async def _not_looked_at(subject: str, bad: frozenset[str]) -> AsyncIterator[Finding]:
    names = ", ".join(sorted(bad))
    yield error(subject, f"not looked at, since {names} is not valid", f"correct {names}")
