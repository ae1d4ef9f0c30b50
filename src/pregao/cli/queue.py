"""`pregao queue`: how much there is to do, and who does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from pregao.cli.session import JsonOption, print_json, print_table, work

if TYPE_CHECKING:
    from pregao.api.actions import JobActions
    from pregao.queue.messages import QueueLengths
    from pregao.queue.views import OutboxFacts, WorkerFacts
    from pregao.runtime import Runtime

app = typer.Typer(help="Show the queue.", no_args_is_help=True)


@app.callback()
def queue() -> None:
    """Show the queue."""


@app.command()
def status(as_json: JsonOption = False) -> None:
    """Show how many jobs are ready, wait for a retry and run, with the workers and what is still to be recorded."""
    from pregao.api.health import counts

    async def do(_: JobActions, runtime: Runtime) -> tuple[QueueLengths, list[WorkerFacts], OutboxFacts]:
        return await runtime.views.lengths(), await runtime.views.workers(), await runtime.views.outbox()

    lengths, workers, outbox = work(do)
    numbers = counts(lengths)
    if as_json:
        print_json(numbers)
        return
    print_table(list(numbers), [[str(number) for number in numbers.values()]])
    slots = sum(worker.slots for worker in workers)
    typer.echo(
        f"{len(workers)} workers with {slots} slots; "
        f"{outbox.entries} facts to record, the oldest {outbox.lag_seconds:.1f} s old"
    )
