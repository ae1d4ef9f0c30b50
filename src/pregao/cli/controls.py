"""The verbs of `pregao queue` that change or show what holds jobs back."""

from __future__ import annotations

import getpass
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pregao.cli.session import JsonOption, checked, local, print_json, print_table, work
from pregao.domain.errors import InvalidInput

if TYPE_CHECKING:
    from pregao.api.actions import JobActions
    from pregao.api.queue_actions import QueueActions, Target
    from pregao.domain.job import JobPriority
    from pregao.queue.gates import Gates
    from pregao.runtime import Runtime

PriorityOption = Annotated[str | None, typer.Option("--priority", "-p", help="A queue: high, normal or low.")]
ScraperOption = Annotated[str | None, typer.Option("--scraper", "-s", help="A scraper, by any spelling of its name.")]
WhoOption = Annotated[str | None, typer.Option("--by", help="Who asks; your login name when left out.")]


def pause(
    why: Annotated[str, typer.Option("--why", help="The reason; it is shown wherever the pause is.")],
    priority: PriorityOption = None,
    scraper: ScraperOption = None,
    until: Annotated[str | None, typer.Option("--until", help="When it ends by itself: ISO 8601 with offset.")] = None,
    lasting: Annotated[str | None, typer.Option("--for", help="How long it lasts instead: 30m, 2h, 1d.")] = None,
    who: WhoOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a queue or a scraper wait: running jobs go on, new ones are accepted and held back."""
    from pregao.api.queue_schemas import PauseRequest
    from pregao.domain.clock import SystemClock

    named = {"priority": priority, "scraper_name": scraper, "why": why, "until": until, "for": lasting}
    request = checked(PauseRequest, **named, who=who or login_name())

    async def do(queue: QueueActions, target: Target) -> dict[str, Any]:
        end = request.end(SystemClock().now())
        return await queue.pause(target, who=request.who, why=request.why, until=end)

    _change(request, do, as_json)


def resume(
    priority: PriorityOption = None, scraper: ScraperOption = None, who: WhoOption = None, as_json: JsonOption = False
) -> None:
    """Take a pause away."""
    from pregao.api.queue_schemas import ResumeRequest

    request = checked(ResumeRequest, priority=priority, scraper_name=scraper, who=who or login_name())

    async def do(queue: QueueActions, target: Target) -> dict[str, Any]:
        document, was_paused = await queue.resume(target, who=request.who)
        if not was_paused:
            typer.echo(f"note: {target.shown} was not paused", err=True)
        return document

    _change(request, do, as_json)


def cap(
    scraper: Annotated[str, typer.Argument(metavar="NAME", help="The scraper.")],
    concurrency: Annotated[str, typer.Argument(metavar="N", help="Jobs at once over all workers, or none.")],
    who: WhoOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bound how many jobs of a scraper run at once."""
    from pregao.api.queue_schemas import CapRequest

    request = _bounded(CapRequest, "concurrency", concurrency, scraper_name=scraper, who=who or login_name())

    async def do(queue: QueueActions, target: Target) -> dict[str, Any]:
        return await queue.cap(target, request.concurrency, who=request.who)

    _change(request, do, as_json)


def fair(
    every: Annotated[str, typer.Argument(metavar="N", help="One of N jobs comes from a lower queue; none for strict.")],
    who: WhoOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give lower queues their turn while a higher one is busy."""
    from pregao.api.queue_actions import QueueActions
    from pregao.api.queue_schemas import FairRequest

    request = _bounded(FairRequest, "every", every, who=who or login_name())

    async def do(runtime: Runtime) -> dict[str, Any]:
        return await QueueActions(runtime).fair(request.every, who=request.who)

    _show(do, as_json)


def controls(as_json: JsonOption = False) -> None:
    """Show what holds jobs back, and how many it holds."""
    from pregao.api.queue_actions import QueueActions

    async def do(runtime: Runtime) -> dict[str, Any]:
        return await QueueActions(runtime).controls()

    _show(do, as_json)


def audit(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=500, help="How many at most.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Show who changed what, newest first."""
    from pregao.api.queue_actions import QueueActions

    async def do(_: JobActions, runtime: Runtime) -> list[dict[str, Any]]:
        return await QueueActions(runtime).audit(limit)

    changes = work(do)
    if as_json:
        print_json({"changes": changes})
        return
    rows = [[local(one["at"]), one["who"], one["what"], one["before"], one["after"]] for one in changes]
    print_table(["at", "who", "what", "before", "after"], rows, whole=2)


def told_at(moment: datetime) -> str:
    """A time as São Paulo's clock shows it."""
    return local(moment.isoformat())


def _change(request: Any, do: Callable[[QueueActions, Target], Awaitable[dict[str, Any]]], as_json: bool) -> None:
    from pregao.api.queue_actions import QueueActions

    async def on_target(runtime: Runtime) -> dict[str, Any]:
        queue = QueueActions(runtime)
        return await do(queue, queue.target(request.priority, request.scraper_name))

    _show(on_target, as_json)


def _show(do: Callable[[Runtime], Awaitable[dict[str, Any]]], as_json: bool) -> None:
    from pregao.queue.gate_lines import bound_lines, held_lines

    async def and_look(
        _: JobActions, runtime: Runtime
    ) -> tuple[dict[str, Any], Gates, dict[str, dict[JobPriority, int]]]:
        return await do(runtime), await runtime.views.gates(), await runtime.views.parked()

    document, gates, parked = work(and_look)
    if as_json:
        print_json(document)
        return
    lines = [*held_lines(gates, told_at), *bound_lines(gates, parked, told_at)]
    lines += [f"scraper {name}: at most {count} at once" for name, count in document["caps"].items()]
    lines += [f"one of {document['fair']} jobs comes from a lower queue"] if document["fair"] else []
    for name, by_priority in document["parked"].items():
        counts = ", ".join(f"{count} {priority}" for priority, count in by_priority.items() if count)
        lines.append(f"scraper {name}: held back: {counts}")
    typer.echo("\n".join(lines) or "nothing holds jobs back")


def login_name() -> str:
    """Who is logged in here."""
    return getpass.getuser()


def _bounded(model: type[Any], field: str, written: str, **values: object) -> Any:
    """A request whose number may be written as `none`."""
    if written.lower() in ("none", "off"):
        return model(**{field: None}, **values)
    if not written.isdigit():
        raise InvalidInput(field, written, "is not a number", "write a whole number, or none")
    return checked(model, **{field: int(written)}, **values)
