"""`pregao queue`: how much there is to do, and who does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from pregao.cli.controls import audit, cap, controls, fair, pause, resume, told_at
from pregao.cli.session import JsonOption, print_json, print_table, work
from pregao.domain.names import counted

if TYPE_CHECKING:
    from pregao.api.actions import JobActions
    from pregao.domain.job import JobPriority
    from pregao.queue.gates import Gates
    from pregao.queue.messages import QueueLengths
    from pregao.queue.views import OutboxFacts, WorkerFacts
    from pregao.runtime import Runtime

    Parked = dict[str, dict[JobPriority, int]]
    Status = tuple[QueueLengths, Gates, Parked, list[WorkerFacts], OutboxFacts, bool]

app = typer.Typer(help="Show the queue, pause and resume it, bound what runs at once.", no_args_is_help=True)


@app.callback()
def queue() -> None:
    """Show the queue, pause and resume it, bound what runs at once."""


@app.command()
def status(as_json: JsonOption = False) -> None:
    """Show how many jobs are ready, wait for a retry, run or are held back, and by what; and who works on them."""
    from pregao.api.health import counts
    from pregao.queue.gate_documents import held_document
    from pregao.queue.gate_lines import bound_lines, held_lines
    from pregao.queue.views import told_holds

    async def do(_: JobActions, runtime: Runtime) -> Status:
        views = runtime.views
        lengths, gates, parked = await views.lengths(), await views.gates(), await views.parked()
        return lengths, gates, parked, await views.workers(), await views.outbox(), runtime.settings.sample

    lengths, gates, parked, workers, outbox, sample = work(do)
    numbers = counts(lengths, parked)
    holds = told_holds(workers)
    if as_json:
        print_json({**numbers, **held_document(gates), "held_workers": holds, "sample": sample})
        return
    print_table(list(numbers), [[str(number) for number in numbers.values()]])
    slots = sum(worker.slots for worker in workers)
    for held in holds:
        typer.echo(held)
    typer.echo(
        f"{counted(len(workers), 'worker')} with {counted(slots, 'slot')}; "
        f"{counted(outbox.entries, 'fact')} to record, the oldest {outbox.lag_seconds:.1f} s old"
    )
    if sample:
        typer.echo("SAMPLE DATA: this is a demo, and none of its results is real")
    for line in (*held_lines(gates, told_at), *bound_lines(gates, parked, told_at)):
        typer.echo(line)


for verb in (pause, resume, cap, fair, controls, audit):
    app.command()(verb)
