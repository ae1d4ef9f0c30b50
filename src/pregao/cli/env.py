"""`pregao env`: the addresses of the running system, for a shell."""

from __future__ import annotations

import shlex

import typer

from pregao.cli.session import print_json
from pregao.domain.errors import EngineError, InvalidInput
from pregao.settings import RunFile, Settings


def env(*, export: bool, as_json: bool) -> None:
    """Print REDIS_URL and DATABASE_URL of the system that is up in PREGAO_HOME. Raises EngineError when none is."""
    if export and as_json:
        raise InvalidInput("--export", "--json", "do not go together", "leave one of them out")
    for_shell = addresses(Settings.load())
    if as_json:
        print_json(for_shell)
        return
    for name, value in for_shell.items():
        typer.echo(f"export {name}={shlex.quote(value)}" if export else f"{name}={value}")


def addresses(settings: Settings) -> dict[str, str]:
    """The variables that lead to the system that is up in PREGAO_HOME. Raises EngineError when none is."""
    run = RunFile.read_live(settings.home)
    if run is None:
        raise EngineError(
            f"no system is up with PREGAO_HOME={settings.home}: start one with `pregao up`, or set PREGAO_HOME"
        )
    return {"REDIS_URL": run.redis_url, "DATABASE_URL": run.database_url}
