"""`pregao schedules`: what is scheduled, what fires next, and what is wrong with a schedule file."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pregao.cli.session import print_table
from pregao.domain.clock import SystemClock, market_iso
from pregao.domain.errors import InvalidInput

if TYPE_CHECKING:
    from pregao.domain.schedule import Schedule
    from pregao.scheduler.loader import ScheduleFile

app = typer.Typer(help="Show schedules and their next firings, and check a schedule file.", no_args_is_help=True)

FileOption = Annotated[Path | None, typer.Option("--file", help="A schedule file instead of PREGAO_SCHEDULES.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command(name="list")
def list_schedules(file: FileOption = None, as_json: JsonOption = False) -> None:
    """List the schedules of the file with their rules and next firings. Exits 1 when the file has problems."""
    loaded = _load(file)
    rows = [_row(loaded, schedule) for schedule in loaded.schedules.values()]
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
                    str(len(row["tickers"])),
                    row["priority"],
                    row["trigger"],
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
    if name is not None and not (chosen and chosen[0].enabled):
        why = "it is disabled" if chosen else _why(loaded.asleep[name])
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
    import msgspec

    from pregao.scheduler.loader import NO_SCRAPER
    from pregao.scheduler.problem import ScheduleFileRefused

    try:
        loaded = _load(file)
        problems, warnings, sound = loaded.problems, loaded.warnings, len(loaded.schedules)
        asleep = loaded.asleep
    except ScheduleFileRefused as refused:
        problems, warnings, sound, asleep = [refused.details], [], 0, {}
    if as_json:
        report = {
            "problems": [msgspec.structs.asdict(problem) for problem in problems],
            "warnings": [msgspec.structs.asdict(warning) for warning in warnings],
            "schedules": sound,
            "no_scraper": [key for key, why in asleep.items() if why == NO_SCRAPER],
            "not_configured": {key: why for key, why in asleep.items() if why != NO_SCRAPER},
        }
        typer.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        for problem in problems:
            typer.echo(f"error: {problem}")
        for warning in warnings:
            typer.echo(f"warning: {warning}")
        for key, why in asleep.items():
            typer.echo(f"note: schedule {key} does not fire here: {_why(why)}")
        typer.echo(f"{file}: {sound} sound schedules, {len(problems)} errors, {len(warnings)} warnings")
    if problems:
        raise typer.Exit(1)


def _load(file: Path | None) -> ScheduleFile:
    from pregao.scheduler.loader import load_schedules
    from pregao.scrapers.registry import Registry
    from pregao.settings import Settings

    settings = Settings.load()
    path = settings.schedules_path if file is None else file
    return load_schedules(path, resolve=Registry.load(settings).resolve_configured, clock=SystemClock())


def _row(loaded: ScheduleFile, schedule: Schedule) -> dict[str, Any]:
    from pregao.scheduler.triggers import next_fire

    following = next_fire(schedule, SystemClock().now())
    if not schedule.enabled:
        state = "disabled"
    else:
        state = loaded.asleep.get(schedule.name) or ("over" if following is None else "scheduled")
    shown = following if state == "scheduled" else None
    document = schedule.document()
    return {
        "name": schedule.name,
        **document,
        "trigger": schedule.trigger,
        "next_run_time": market_iso(shown),
        "state": state,
    }


def _why(asleep: str) -> str:
    from pregao.scheduler.loader import NO_SCRAPER

    return "its scraper is not installed" if asleep == NO_SCRAPER else f"its scraper is {asleep}"


def _local(moment: str | None) -> str:
    return "-" if moment is None else datetime.fromisoformat(moment).strftime("%a %Y-%m-%d %H:%M:%S")


def _finish(loaded: ScheduleFile) -> None:
    """Tell the problems after the answer, and fail for them."""
    for problem in loaded.problems:
        typer.echo(f"error: {problem}", err=True)
    if loaded.problems:
        raise typer.Exit(1)
