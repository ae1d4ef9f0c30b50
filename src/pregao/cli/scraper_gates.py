"""What `pregao scrapers` shows of what holds jobs back, and its verbs that trip and reset a breaker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pregao.cli.controls import WhoOption, login_name, told_at
from pregao.cli.session import JsonOption, checked, print_json, work
from pregao.domain.errors import QueueError, QueueUnavailable

if TYPE_CHECKING:
    from pregao.api.actions import JobActions
    from pregao.domain.job import JobPriority
    from pregao.queue.breakers import Lifted
    from pregao.queue.gates import Gates
    from pregao.queue.views import QueueViews
    from pregao.runtime import Runtime
    from pregao.settings import Settings

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The scraper, by any spelling of its name.")]
ANSWER_SECONDS = 2.0


class Look:
    """What holds jobs back now; while Redis is away nothing is known, and `problem` says why."""

    def __init__(
        self, gates: Gates | None, parked: dict[str, dict[JobPriority, int]] | None = None, problem: str | None = None
    ) -> None:
        self.gates, self.parked, self.problem = gates, parked or {}, problem

    def document(self, scraper: str) -> dict[str, Any]:
        """Of one scraper, as the API has it."""
        from pregao.queue.gate_documents import held_of, nothing_known

        return nothing_known() if self.gates is None else held_of(scraper, self.gates, self.parked)

    def show(self, scraper: str | None = None) -> None:
        """Print what is held, a line each: all of it, or what concerns one scraper."""
        from pregao.queue.gate_lines import held_lines, lines_about

        if self.gates is None:
            typer.echo(f"note: what is held back is not known: {self.problem}", err=True)
            return
        lines = held_lines(self.gates, told_at) if scraper is None else lines_about(scraper, self.gates, told_at)
        for line in lines:
            typer.echo(line)


async def look(views: QueueViews) -> Look:
    """Never raises for a Redis that is away."""
    try:
        return Look(await views.gates(), await views.parked())
    except QueueError as error:
        return Look(None, problem=str(error))


async def look_once(settings: Settings) -> Look:
    """The same for a command that needs no server: within two seconds."""
    import asyncio

    from pregao.queue.connection import open_redis
    from pregao.queue.views import QueueViews

    redis = open_redis(settings.resolve_redis_url(), timeout_seconds=ANSWER_SECONDS, retries=0)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await look(QueueViews(redis, settings.key_prefix))
    except TimeoutError:
        return Look(None, problem=str(QueueUnavailable(f"Redis did not answer within {ANSWER_SECONDS:g} s")))
    finally:
        await redis.aclose()


def trip(
    name: NameArgument,
    why: Annotated[str, typer.Option("--why", help="The reason; it is shown wherever the breaker is.")],
    lasting: Annotated[
        str | None, typer.Option("--for", help="How long: 30m, 2h, 1d; until somebody resets it when left out.")
    ] = None,
    who: WhoOption = None,
    as_json: JsonOption = False,
) -> None:
    """Open the breaker of a scraper: its jobs wait, those that run go on. Afterwards one job at a time tries."""
    from pregao.api.scraper_actions import ScraperActions
    from pregao.api.scraper_schemas import TripRequest

    request = checked(TripRequest, why=why, who=who or login_name(), **{"for": lasting})

    async def do(_: JobActions, runtime: Runtime) -> tuple[dict[str, Any], Look]:
        scraper = await ScraperActions(runtime).trip(name, who=request.who, why=request.why, lasting=request.lasting)
        return scraper, await look(runtime.views)

    scraper, now = work(do)
    if as_json:
        print_json(scraper)
    else:
        now.show(scraper["name"])


def reset(
    name: NameArgument,
    hosts: Annotated[
        bool, typer.Option("--hosts", help="Also what its hosts asked for: other scrapers may ask them too.")
    ] = False,
    who: WhoOption = None,
    as_json: JsonOption = False,
) -> None:
    """Close the breaker of a scraper, forget its failures in a row and what its source asked for: its jobs run."""
    from pregao.api.scraper_actions import ScraperActions
    from pregao.api.scraper_schemas import ResetRequest

    request = checked(ResetRequest, hosts=hosts, who=who or login_name())

    async def do(_: JobActions, runtime: Runtime) -> tuple[dict[str, Any], Lifted, Look]:
        scraper, lifted = await ScraperActions(runtime).reset(name, who=request.who, hosts=request.hosts)
        return scraper, lifted, await look(runtime.views)

    scraper, lifted, now = work(do)
    if as_json:
        print_json(scraper)
        return
    lines = told_lifted(lifted)
    for line in lines:
        typer.echo(f"{scraper['name']}: {line}")
    if not lines:
        typer.echo(f"note: {scraper['name']}: its breaker is closed, and nothing is held against it", err=True)
    now.show(scraper["name"])


def told_lifted(lifted: Lifted) -> list[str]:
    """What a reset took away, a line each."""
    lines = ["the breaker was open and is closed now"] if lifted.opened else []
    lines += [f"forgot {lifted.failures.text}"] if lifted.failures else []
    return lines + [f"{source} is asked again, at full speed" for source in lifted.sources]
