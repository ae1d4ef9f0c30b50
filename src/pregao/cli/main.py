"""The command `pregao`. Everything heavy is imported by the verb that needs it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from pregao.cli import jobs, queue, schedules, scrapers
from pregao.domain.errors import InvalidInput, PregaoError

app = typer.Typer(
    name="pregao",
    help="Schedules, queues and runs scrapers of the Brazilian stock market.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(jobs.app, name="jobs")
app.add_typer(queue.app, name="queue")
app.add_typer(schedules.app, name="schedules")
app.add_typer(scrapers.app, name="scrapers")


@app.command()
def up(ctx: typer.Context) -> None:
    """Run the complete system here: engines, scheduler, worker, recorder and API."""
    from pregao.cli import roles

    raise typer.Exit(roles.up(ctx.obj))


@app.command()
def scheduler() -> None:
    """Run a scheduler. Any number may run: each occurrence fires once."""
    from pregao.cli import roles

    roles.scheduler()


@app.command()
def worker(ctx: typer.Context) -> None:
    """Run a worker and its recorder. Any number may run, on any host."""
    from pregao.cli import roles

    roles.worker(ctx.obj)


@app.command(hidden=True)
def recorder() -> None:
    """Run a recorder by itself; every worker brings one."""
    from pregao.cli import roles

    roles.recorder()


@app.command()
def api() -> None:
    """Serve the API on API_HOST and API_PORT."""
    from pregao.cli import roles

    roles.api()


@app.command()
def env(export: Annotated[bool, typer.Option("--export", help="Put `export` in front, for eval.")] = False) -> None:
    """Print REDIS_URL and DATABASE_URL of the system that is up here."""
    from pregao.cli.env import environment_lines
    from pregao.settings import Settings

    for line in environment_lines(Settings.load()):
        typer.echo(f"export {line}" if export else line)


@app.command()
def migrate() -> None:
    """Create or update the tables in PostgreSQL."""
    from pregao.cli.migrate import migrate_lines
    from pregao.settings import Settings

    for line in migrate_lines(Settings.load()):
        typer.echo(line)


@app.command()
def recover() -> None:
    """Rebuild live jobs from PostgreSQL after Redis lost its contents."""
    from pregao.cli.recover import recover_lines
    from pregao.settings import Settings

    for line in recover_lines(Settings.load()):
        typer.echo(line)


@app.command()
def events(
    count: Annotated[int | None, typer.Option("--count", "-n", min=1, help="End after this many.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each event as it is.")] = False,
) -> None:
    """Follow what happens to jobs, live."""
    from pregao.cli.events import follow

    follow(count, as_json)


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Look at engines, configuration, clocks and leftovers, and say what to do. Exits 1 when something is broken."""
    from pregao.cli.doctor import diagnose

    diagnose(as_json)


def run(arguments: Sequence[str] | None = None, *, child_command: Sequence[str] | None = None) -> None:
    """Run the command line and exit. `child_command` is how `up` starts a role: the module when left out.

    Exit codes: 0 done, 1 it failed and stderr says why, 2 bad usage or bad settings.
    """
    try:
        app(args=None if arguments is None else list(arguments), obj=child_command)
    except PregaoError as error:
        typer.secho(f"error: {error}", fg=typer.colors.RED, err=True)
        sys.exit(2 if isinstance(error, InvalidInput) else 1)
