"""`pregao schedules`: what is scheduled, what fires next, what is wrong with a file, and running a schedule now."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pregao.cli.session import JsonOption, checked, local, print_json, print_table, work
from pregao.domain.clock import SystemClock, market_iso
from pregao.domain.errors import InvalidInput
from pregao.domain.names import counted

if TYPE_CHECKING:
    from pregao.api.actions import JobActions
    from pregao.domain.schedule import Schedule
    from pregao.runtime import Runtime
    from pregao.scheduler.loader import ScheduleFile

app = typer.Typer(help="Show schedules and their next firings, check a file, run a schedule now.", no_args_is_help=True)

FileOption = Annotated[Path | None, typer.Option("--file", help="A schedule file instead of PREGAO_SCHEDULES.")]


@app.command(name="list")
def list_schedules(file: FileOption = None, as_json: JsonOption = False) -> None:
    """List the schedules of the file with their rules and next firings. Exits 1 when the file has problems."""
    from pregao.scheduler.overview import describe

    loaded = _load(file)
    now = SystemClock().now()
    rows = [describe(loaded, name, now, firings=1) for name in loaded.schedules]
    if as_json:
        problems = [str(problem) for problem in loaded.problems]
        typer.echo(json.dumps({"schedules": rows, "problems": problems}, ensure_ascii=False, indent=2))
    else:
        print_table(
            ["schedule", "scraper", "next firing", "state", "jobs", "priority", "rule"],
            [
                [
                    row["name"],
                    row["scraper"],
                    _local(row["next_run_time"]),
                    row["state"],
                    str(row["jobs"]),
                    row["priority"],
                    row["rule"],
                ]
                for row in rows
            ],
        )
    _finish(loaded)


@app.command(name="next")
def next_firings(
    name: Annotated[str | None, typer.Argument(help="Only this schedule.")] = None,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, help="How many firings.")] = 10,
    file: FileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the next firings, of all schedules or of one."""
    from heapq import merge
    from itertools import islice

    from pregao.scheduler.triggers import upcoming

    loaded = _load(file)
    if name is not None and name not in loaded.schedules:
        known = ", ".join(loaded.schedules) or "none"
        raise InvalidInput("schedule", name, f"is not loaded from {loaded.path}", f"known are {known}")
    now = SystemClock().now()
    chosen = [loaded.schedules[key] for key in loaded.scrapers if name in (None, key)]
    why = None if name is None else loaded.why_silent(name)
    if why is not None:
        typer.echo(f"note: schedule {name} does not fire: {why}", err=True)

    def firings(schedule: Schedule) -> Any:
        return ((moment, schedule) for moment in upcoming(schedule, now))

    streams = [firings(schedule) for schedule in chosen if schedule.enabled]
    found: list[tuple[datetime, Schedule]] = list(islice(merge(*streams, key=lambda item: item[0]), count))
    if as_json:
        rows = [{"fire_time": market_iso(moment), "schedule": schedule.name} for moment, schedule in found]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        print_table(
            ["schedule", "firing", "scraper", "jobs"],
            [
                [schedule.name, _local(market_iso(moment)), schedule.scraper, str(len(schedule.tickers))]
                for moment, schedule in found
            ],
        )
    _finish(loaded)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="The schedule file to check.")], as_json: JsonOption = False
) -> None:
    """Show everything that is wrong with a schedule file, with line and fix. Exits 1 when anything is."""
    from pregao.configuration.problem import FileRefused
    from pregao.scheduler.loader import NO_SCRAPER, NOT_LOADED

    try:
        loaded = _load(file)
        problems, warnings, sound = loaded.problems, loaded.warnings, len(loaded.schedules)
        asleep = {key: why for key in loaded.schedules if (why := loaded.why_not_run(key)) is not None}
        lacks = loaded.asleep
    except FileRefused as refused:
        problems, warnings, sound, asleep, lacks = [refused.details], [], 0, {}, {}
    unknown = [key for key in asleep if lacks[key] == NO_SCRAPER]
    if as_json:
        report = {
            "problems": [problem.document() for problem in problems],
            "warnings": [warning.document() for warning in warnings],
            "schedules": sound,
            "no_scraper": unknown,
            "not_configured": {key: lacks[key] for key in asleep if lacks[key].startswith("not configured")},
            "not_loaded": {key: lacks[key] for key in asleep if lacks[key].startswith(NOT_LOADED)},
        }
        typer.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        for problem in problems:
            typer.echo(f"error: {problem}")
        for warning in warnings:
            typer.echo(f"warning: {warning}")
        for key, why in asleep.items():
            word = "error" if key in unknown else "note"
            typer.echo(f"{word}: schedule {key} does not fire here: {why}")
        errors = len(problems) + len(unknown)
        counts = [
            counted(sound - len(unknown), "sound schedule"),
            counted(errors, "error"),
            counted(len(warnings), "warning"),
        ]
        typer.echo(f"{file}: {', '.join(counts)}")
    if problems or unknown:
        raise typer.Exit(1)


@app.command()
def run(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The schedule.")],
    idempotency_key: Annotated[
        str | None, typer.Option("--idempotency-key", help="Makes the call safe to repeat for 24 hours.")
    ] = None,
    requested_by: Annotated[
        str | None, typer.Option("--by", help="Who asks for it; the user of this terminal when left out.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a schedule's jobs now, whether or not it is enabled or due. Its next firing stays what it is."""
    from pregao.api.schedule_actions import ScheduleActions, watch_enabled_schedules
    from pregao.api.schedule_schemas import RunRequest

    request = checked(RunRequest, requested_by=_user() if requested_by is None else requested_by)

    async def do(_: JobActions, runtime: Runtime) -> tuple[dict[str, Any], bool]:
        watched = watch_enabled_schedules(runtime)
        actions = ScheduleActions(runtime, watched)
        return await actions.run(name, requested_by=request.requested_by, idempotency_key=idempotency_key)

    made, new = work(do)
    if as_json:
        print_json(made)
        return
    what = f"{counted(made['jobs'], 'job')} of {made['scraper_name']}"
    done = "was run" if new else f"was run under this key at {local(made['fire_time'])}"
    typer.echo(f"schedule {name} {done}: {what}, run {made['run_id']}")


def _user() -> str | None:
    """Who is logged in here; None where nobody is, as in some containers."""
    from getpass import getuser

    try:
        return getuser()
    except (OSError, KeyError):
        return None


def _load(file: Path | None) -> ScheduleFile:
    from pregao.configuration.problem import FileRefused
    from pregao.limits.disabled import resolve_enabled
    from pregao.limits.live import limits_now
    from pregao.scheduler.loader import load_schedules
    from pregao.scrapers.registry import Registry
    from pregao.settings import Settings

    settings = Settings.load()
    path = settings.schedules_path if file is None else file
    registry = Registry.load(settings)
    resolve = partial(resolve_enabled, registry, asyncio.run(limits_now(settings, registry)))
    try:
        return load_schedules(path, resolve=resolve, clock=SystemClock())
    except FileRefused as refused:
        raise (refused.of_the_settings("PREGAO_SCHEDULES") if file is None else refused) from None


def _local(moment: str | None) -> str:
    return "-" if moment is None else datetime.fromisoformat(moment).strftime("%a %Y-%m-%d %H:%M:%S")


def _finish(loaded: ScheduleFile) -> None:
    """Tell the problems after the answer, and fail for them."""
    for problem in loaded.problems:
        typer.echo(f"error: {problem}", err=True)
    if loaded.problems:
        raise typer.Exit(1)
