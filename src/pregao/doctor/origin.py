"""Where a server comes from: the running `pregao up` of this home, the user, or a guess."""

from __future__ import annotations

from pregao.settings import RunFile, Settings


def redis_origin(settings: Settings) -> str:
    """How the address of Redis was found."""
    return _origin(settings, settings.own_redis_url, "valkey", "REDIS_URL")


def database_origin(settings: Settings) -> str:
    """How the address of PostgreSQL was found."""
    return _origin(settings, settings.own_database_url, "postgres", "DATABASE_URL")


def _origin(settings: Settings, own: str | None, engine: str, variable: str) -> str:
    if own is not None:
        return f"given by {variable} or its parts"
    run = RunFile.read_live(settings.home)
    if run is None:
        return f"looked for on this machine, since {variable} is not set and no `pregao up` runs here"
    return "embedded" if engine in run.pids else "given to the running `pregao up`"
