"""The verbs of `pregao scrapers` about limits: show them with their sources, change them, and who changed them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pregao.cli.controls import WhoOption, login_name
from pregao.cli.scraper_gates import Look, NameArgument, look
from pregao.cli.session import JsonOption, checked, local, print_json, print_table, shown, work
from pregao.domain.errors import InvalidInput
from pregao.domain.names import counted

if TYPE_CHECKING:
    from pregao.api.actions import JobActions
    from pregao.runtime import Runtime

WhyOption = Annotated[str | None, typer.Option("--why", help="The reason; it is kept.")]


_TOLD_BELOW = ("limits", "overrides", "observed", "breaker", "slowed", "paused", "login", "file_in_force")


def show(name: NameArgument, as_json: JsonOption = False) -> None:
    """Show a scraper: what holds its jobs back, its limits with where each comes from, and how long its jobs took."""
    from pregao.api.scraper_actions import ScraperActions

    async def do(_: JobActions, runtime: Runtime) -> tuple[dict[str, Any], Look]:
        return await ScraperActions(runtime).one(name), await look(runtime.views)

    scraper, held = work(do)
    if as_json:
        print_json(scraper)
    else:
        _print(scraper, held)


def set_limits(
    name: NameArgument,
    changes: Annotated[
        list[str], typer.Argument(metavar="KEY=VALUE...", help="For example rate=10/min backoff.jitter=0.2.")
    ],
    who: WhoOption = None,
    why: WhyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change limits for all workers, now and until `unset`: all of them or none."""
    _change(name, dict(map(_read, changes)), who, why, as_json)


def unset(
    name: NameArgument,
    keys: Annotated[list[str], typer.Argument(metavar="KEY...", help="For example rate.")],
    who: WhoOption = None,
    why: WhyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take changes back: the file counts again."""
    _change(name, dict.fromkeys(keys), who, why, as_json)


def audit(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only what is about this scraper.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="How many at most.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Show who changed which limit or rule, newest first."""
    from pregao.api.scraper_actions import ScraperActions

    async def do(_: JobActions, runtime: Runtime) -> list[dict[str, Any]]:
        return await ScraperActions(runtime).audit(name, limit=limit)

    changes = work(do)
    if as_json:
        print_json({"changes": changes})
        return
    rows = [[local(one["at"]), one["who"], one["what"], one["before"], one["after"], one["detail"]] for one in changes]
    print_table(["at", "who", "what", "before", "after", "why"], rows, whole=2)


def _change(name: str, changes: dict[str, Any], who: str | None, why: str | None, as_json: bool) -> None:
    from pregao.api.scraper_actions import ScraperActions
    from pregao.api.scraper_schemas import LimitsChange

    request = checked(LimitsChange, who=who or login_name(), why=why)

    async def do(_: JobActions, runtime: Runtime) -> tuple[dict[str, Any], list[str]]:
        return await ScraperActions(runtime).change(name, changes, who=request.who, why=request.why)

    scraper, changed = work(do)
    if as_json:
        print_json(scraper)
        return
    for key in changes:
        setting = scraper["limits"][key]
        was = "" if key in changed else " (as before)"
        typer.echo(f"{scraper['name']}: {key} is {shown(setting['value'])}{was}, from {_source(setting)}")


def _read(written: str) -> tuple[str, object]:
    """One KEY=VALUE, with the value as the file would have it: `hosts=[a.br, b.br]`; `hosts=a.br,b.br` will do too."""
    from pathlib import Path

    from pregao.configuration.document import parse_yaml
    from pregao.configuration.problem import FileRefused
    from pregao.limits.catalogue import SCRAPER_KEYS

    name, equals, value = written.partition("=")
    name, value = name.strip(), value.strip()
    if not equals or not value:
        raise InvalidInput("KEY=VALUE", written, "has no value", "write for example rate=10/min; `unset` takes it back")
    key = SCRAPER_KEYS.get(name)
    if key is not None and key.textual:
        return name, value
    try:
        located = parse_yaml(value, Path(name), "scraper")
    except FileRefused as refused:
        raise InvalidInput(name, value, refused.details.problem, "write it as in the file, in quotes") from None
    given = None if located is None else located.plain()
    if key is not None and isinstance(key.default, tuple) and isinstance(given, str):
        return name, [part.strip() for part in given.split(",") if part.strip()]
    return name, "none" if given is None else given


def _print(scraper: dict[str, Any], held: Look) -> None:
    facts = {name: value for name, value in scraper.items() if name not in _TOLD_BELOW and value not in (None, [])}
    if scraper["breaker"] is not None:
        facts["breaker"] = scraper["breaker"]["state"]
    print_table(["", scraper["name"]], [[name, shown(value)] for name, value in facts.items()])
    held.show(scraper["name"])
    rows = [[key, _value(key, setting["value"]), _source(setting)] for key, setting in scraper["limits"].items()]
    print_table(["limit", "value", "from"], rows)
    if scraper["file_in_force"] is not None:
        typer.echo(f"note: {scraper['file_in_force']}", err=True)
    observed = scraper["observed"]
    if observed is not None and observed["p95_seconds"] is not None:
        limit = scraper["limits"]["timeout_seconds"]["value"]
        typer.echo(
            f"{counted(observed['results'], 'good result')} in 7 days, "
            f"95 % of them within {observed['p95_seconds']:g} s; its timeout is {limit:g} s"
        )


def _value(key: str, value: object) -> str:
    """A limit for people: without an `executor` of its own a scraper runs as it was found."""
    return "as found" if key == "executor" and value in (None, "none") else shown(value)


def _source(setting: dict[str, Any]) -> str:
    return setting["source"] if setting["detail"] is None else f"{setting['source']} ({setting['detail']})"
