"""`pregao env`: the addresses of the running system, for a shell."""

from __future__ import annotations

from pregao.domain.errors import EngineError
from pregao.settings import RunFile, Settings


def environment_lines(settings: Settings) -> list[str]:
    """`REDIS_URL=…` and `DATABASE_URL=…` of the system that runs in PREGAO_HOME. Raises EngineError when none does."""
    run = RunFile.read_live(settings.home)
    if run is None:
        raise EngineError(
            f"no system is up with PREGAO_HOME={settings.home}: start one with `pregao up`, or set PREGAO_HOME"
        )
    return [f"REDIS_URL={run.redis_url}", f"DATABASE_URL={run.database_url}"]
