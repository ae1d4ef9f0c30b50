"""`pregao scrapers`: which scrapers there are, one of them run by hand, and all of them tried out.

Exit codes: 0 done, 1 something did not load or failed, 2 bad input.
"""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pregao.cli.scraper_gates import reset, trip
from pregao.cli.scraper_limits import audit, set_limits, show, unset
from pregao.cli.session import JsonOption, apart, console, print_json

if TYPE_CHECKING:
    from pregao.limits.live import LiveLimits
    from pregao.scrapers.entry import Entry
    from pregao.scrapers.registry import Registry
    from pregao.settings import Settings
    from pregao.worker.once import Run

app = typer.Typer(
    help="List scrapers, try them out, show and change their limits, trip and reset their breakers.",
    no_args_is_help=True,
)

TimeoutOption = Annotated[
    float | None,
    typer.Option("--timeout", min=0.1, max=86_400, help="Seconds it may take; its limit when left out."),
]


@app.command(name="list")
def list_scrapers(
    refresh: Annotated[bool, typer.Option("--refresh", help="Look at every module again, changed or not.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the scrapers that can be run here, what holds their jobs back, and what did not load.

    Exits 1 when something did not.
    """
    from pregao.cli.scraper_gates import look_once
    from pregao.cli.scraper_views import list_document, print_list

    settings, registry = _load(anew=refresh)
    held = apart(look_once(settings))
    if as_json:
        print_json(list_document(registry, held))
    else:
        print_list(registry, held)
    if registry.problems:
        raise typer.Exit(1)


@app.command()
def run(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The scraper, by any spelling of its name.")],
    argument: Annotated[str | None, typer.Argument(metavar="[ARG]", help="Its argument, passed as given.")] = None,
    timeout: TimeoutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a scraper once, here and without a queue, and print what it brought. Exits 1 when it fails."""
    from pregao.attempt.outcome import Failed
    from pregao.cli.scraper_views import print_run, run_document

    settings, registry = _load()
    entry = registry.find(name)
    limits = _limits(settings, registry)
    if not limits.of(entry.name).enabled:
        typer.echo(f"note: {_disabled(entry, limits)}: no job of it would run", err=True)
    with _spinner(f"{entry.name} {argument or ''}"):
        done = apart(_run(entry, argument, limits, settings, timeout))
    if as_json:
        print_json(run_document(entry, argument, done))
    else:
        print_run(entry, argument, done)
    if isinstance(done.outcome, Failed):
        raise typer.Exit(1)


@app.command()
def check(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Only these; all if left out.")] = None,
    timeout: TimeoutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run each enabled scraper on an argument that is known to have data. Exits 1 when one fails or does not load."""
    from pregao.cli.scraper_views import check_document, print_check

    settings, registry = _load()
    entries = [registry.find(name) for name in names] if names else registry.entries()
    limits = _limits(settings, registry)
    rows = apart(_check(entries, limits, settings, timeout))
    problems = [] if names else registry.problems
    if as_json:
        print_json(check_document(rows, problems))
    else:
        disabled = [_disabled(entry, limits) for entry in entries if not limits.of(entry.name).enabled]
        print_check(rows, problems, disabled)
    if problems or any(row["outcome"] == "failed" for row in rows):
        raise typer.Exit(1)


async def _run(
    entry: Entry, argument: str | None, limits: LiveLimits, settings: Settings, timeout_seconds: float | None
) -> Run:
    from pregao.worker.once import ByHand

    async with ByHand(settings, limits) as by_hand:
        return await by_hand.run(entry, argument, timeout_seconds)


async def _check(
    entries: list[Entry], limits: LiveLimits, settings: Settings, timeout_seconds: float | None
) -> list[dict[str, Any]]:
    """One after another: browsers of several scrapers at once may be more than the machine has memory for."""
    from pregao.cli.scraper_views import check_row
    from pregao.worker.once import ByHand

    rows = []
    async with ByHand(settings, limits) as by_hand:
        for number, entry in enumerate(entries, 1):
            own = limits.of(entry.name)
            argument = own.canary or entry.canary
            if not own.enabled or (argument is None and entry.takes_argument):
                rows.append(check_row(entry, None, None, enabled=own.enabled))
                continue
            with _spinner(f"{number} of {len(entries)}: {entry.name} {argument or ''}"):
                done = await by_hand.run(entry, argument, timeout_seconds)
            rows.append(check_row(entry, argument, done))
    return rows


def _disabled(entry: Entry, limits: LiveLimits) -> str:
    by = limits.settings_of(entry.name)["enabled"].detail
    return f"{entry.name} is disabled{f' by {by}' if by else ''}"


def _load(*, anew: bool = False) -> tuple[Settings, Registry]:
    from loguru import logger

    from pregao.scrapers.registry import Registry
    from pregao.settings import Settings

    logger.remove()  # what does not load is told after the answer, and what a scraper logs beside its result
    settings = Settings.load()
    with _spinner("looking for scrapers"), redirect_stdout(sys.stderr):
        return settings, Registry.load(settings, anew=anew)


def _limits(settings: Settings, registry: Registry) -> LiveLimits:
    """What holds now. Changes are known while PostgreSQL answers; otherwise the file alone has its say."""
    from pregao.limits.live import limits_now

    limits = apart(limits_now(settings, registry))
    for problem in limits.problems:
        typer.echo(f"error: limits: {problem}", err=True)
    if limits.unread is not None:
        typer.echo(f"note: changes made while the system runs are not known: {limits.unread}", err=True)
    return limits


def _spinner(text: str) -> AbstractContextManager[object]:
    terminal = console(stderr=True)
    return terminal.status(text) if terminal.is_terminal else nullcontext()


for verb_name, verb in (
    ("show", show), ("set", set_limits), ("unset", unset), ("audit", audit), ("trip", trip), ("reset", reset),
):  # fmt: skip
    app.command(name=verb_name)(verb)
