"""The command `pregao`. Everything heavy is imported by the verb that needs it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from pregao.cli import jobs, queue, schedules, scrapers
from pregao.cli.problem import tell, wants_json
from pregao.cli.session import JsonOption
from pregao.domain.errors import PregaoError

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
def env(
    export: Annotated[bool, typer.Option("--export", help="Put `export` in front, for eval.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print REDIS_URL and DATABASE_URL of the system that is up here."""
    from pregao.cli.env import env

    env(export=export, as_json=as_json)


@app.command()
def migrate(as_json: JsonOption = False) -> None:
    """Create or update the tables in PostgreSQL."""
    from pregao.cli.migrate import migrate

    migrate(as_json=as_json)


@app.command()
def recover(as_json: JsonOption = False) -> None:
    """Rebuild live jobs from PostgreSQL after Redis lost its contents."""
    from pregao.cli.recover import recover

    recover(as_json=as_json)


@app.command()
def events(
    count: Annotated[int | None, typer.Option("--count", "-n", min=1, help="End after this many.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each event as a JSON document on a line.")] = False,
) -> None:
    """Follow what happens to jobs, live."""
    from pregao.cli.events import follow

    follow(count, as_json)


@app.command()
def top(
    once: Annotated[bool, typer.Option("--once", help="Print one frame and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one frame as a JSON document and end.")] = False,
) -> None:
    """Watch queues, workers, running jobs, next firings and failures, live. `q` ends it."""
    from pregao.cli.top import top

    top(once=once, as_json=as_json)


@app.command()
def doctor(as_json: JsonOption = False) -> None:
    """Look at engines, configuration, clocks and leftovers, and say what to do. Exits 1 when something is broken."""
    from pregao.cli.doctor import diagnose

    diagnose(as_json)


def run(arguments: Sequence[str] | None = None, *, child_command: Sequence[str] | None = None) -> None:
    """Run the command line and exit. `child_command` is how `up` starts a role: the module when left out.

    Exit codes: 0 done, 1 it failed and stderr says why, 2 bad usage, bad input or bad settings.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        app(args=words, obj=child_command)
    except PregaoError as error:
        sys.exit(tell(error, as_json=wants_json(words)))
