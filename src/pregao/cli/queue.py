"""`pregao queue`: how much there is to do, and who does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from pregao.cli.controls import audit, cap, controls, fair, pause, resume, told_pause
from pregao.cli.session import JsonOption, print_json, print_table, work

if TYPE_CHECKING:
    from pregao.api.actions import JobActions
    from pregao.queue.controls import Controls
    from pregao.queue.views import OutboxFacts, WorkerFacts
    from pregao.runtime import Runtime

app = typer.Typer(help="Show the queue, pause and resume it, bound what runs at once.", no_args_is_help=True)


@app.callback()
def queue() -> None:
    """Show the queue, pause and resume it, bound what runs at once."""


@app.command()
def status(as_json: JsonOption = False) -> None:
    """Show how many jobs are ready, wait for a retry and run, with the workers and what is still to be recorded."""
    from pregao.api.health import counts
    from pregao.api.queue_actions import controls_document
    from pregao.queue.views import told_holds

    async def do(
        _: JobActions, runtime: Runtime
    ) -> tuple[dict[str, int], Controls, list[WorkerFacts], OutboxFacts, bool]:
        views = runtime.views
        numbers = counts(await views.lengths(), await views.parked())
        sample = runtime.settings.sample
        return numbers, await views.controls(), await views.workers(), await views.outbox(), sample

    numbers, rules, workers, outbox, sample = work(do)
    paused, holds = controls_document(rules)["paused"], told_holds(workers)
    if as_json:
        print_json({**numbers, "paused": paused, "held_workers": holds, "sample": sample})
        return
    print_table(list(numbers), [[str(number) for number in numbers.values()]])
    slots = sum(worker.slots for worker in workers)
    for held in holds:
        typer.echo(held)
    typer.echo(
        f"{len(workers)} workers with {slots} slots; "
        f"{outbox.entries} facts to record, the oldest {outbox.lag_seconds:.1f} s old"
    )
    if sample:
        typer.echo("SAMPLE DATA: this is a demo, and none of its results is real")
    for document in paused:
        typer.echo(told_pause(document))


for verb in (pause, resume, cap, fair, controls, audit):
    app.command()(verb)
