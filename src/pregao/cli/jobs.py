"""`pregao jobs`: create, show, list, cancel, retry, wait for and read the logs of jobs, on both servers directly.

Exit codes: 0 done (for a wait: completed), 1 the job failed, was cancelled, or does not allow what was asked,
2 bad input, or a wait that came to its timeout.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pregao.cli.problem import FAILED, WaitTimedOut
from pregao.cli.session import JsonOption, checked, console, local, print_json, print_table, shown, work
from pregao.domain.errors import InvalidInput, StoreUnavailable

if TYPE_CHECKING:
    from pregao.api.actions import JobActions
    from pregao.runtime import Runtime

app = typer.Typer(help="Create, show, list, cancel, retry and wait for jobs.", no_args_is_help=True)

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The job's id.")]
TimeoutOption = Annotated[
    float | None, typer.Option("--timeout", min=0, help="Seconds to wait at most; for ever when left out.")
]


@app.command()
def create(
    scraper_name: Annotated[str, typer.Argument(metavar="NAME", help="The scraper, by any spelling of its name.")],
    ticker: Annotated[str | None, typer.Option("--ticker", "-t", help="Its argument, kept as given.")] = None,
    priority: Annotated[str | None, typer.Option("--priority", "-p", help="high, normal or low.")] = None,
    max_retries: Annotated[int | None, typer.Option("--max-retries", help="Retries after the first attempt.")] = None,
    timeout_seconds: Annotated[
        float | None, typer.Option("--timeout-seconds", help="Longest an attempt may take.")
    ] = None,
    metadata: Annotated[str | None, typer.Option("--metadata", help="A JSON object to keep with the job.")] = None,
    unique_key: Annotated[
        str | None, typer.Option("--unique-key", help="Answer the live job that holds this key, if there is one.")
    ] = None,
    wait_for_it: Annotated[bool, typer.Option("--wait", help="Wait for its end, as `jobs wait` does.")] = False,
    timeout: TimeoutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create one job and print its id."""
    from pregao.api.actions import NewJob
    from pregao.api.schemas import JobRequest

    request = checked(
        JobRequest,
        scraper_name=scraper_name,
        ticker=ticker,
        priority=priority,
        max_retries=max_retries,
        timeout_seconds=timeout_seconds,
        metadata=_metadata(metadata),
        unique_key=unique_key,
    )
    new = NewJob(**{**dict(request), "metadata": request.metadata or {}})

    async def do(actions: JobActions, runtime: Runtime) -> dict[str, Any]:
        job, _ = await actions.create(new)
        return await _ended(actions, runtime, job["id"], timeout) if wait_for_it else job

    job = work(do)
    if wait_for_it:
        _finish(job, as_json)
    elif as_json:
        print_json(job)
    else:
        typer.echo(job["id"])


@app.command()
def show(job_id: IdArgument, as_json: JsonOption = False) -> None:
    """Show a job with its result and attempts."""
    from pregao.api.actions import canonical_job_id

    wanted = canonical_job_id(job_id)

    async def do(actions: JobActions, _: Runtime) -> tuple[dict[str, Any], list[dict[str, Any]] | None]:
        job = await actions.shown(wanted)
        try:
            return job, await actions.history.attempts(wanted)
        except StoreUnavailable as error:
            typer.echo(f"note: without its attempts: {error}", err=True)
            return job, None

    job, attempts = work(do)
    if as_json:
        print_json({**job, "attempts": attempts})
        return
    _print_job(job)
    if attempts:
        print_table(
            ["attempt", "outcome", "seconds", "MB", "CPU s", "signal", "started", "worker", "error class", "error"],
            [
                [
                    str(one["attempt"]),
                    one["outcome"],
                    one["response_time_seconds"],
                    one["peak_memory_mb"],
                    one["cpu_seconds"],
                    one["exit_signal"],
                    local(one["started_at"]),
                    one["worker"],
                    one["error_class"],
                    one["error"],
                ]
                for one in attempts
            ],
        )
    if any(one["logs"] for one in attempts or ()):
        typer.echo(f"what was printed: pregao jobs logs {job['id']}")


@app.command()
def logs(
    job_id: IdArgument,
    attempt: Annotated[int | None, typer.Option("--attempt", min=1, help="Only this one; all if left out.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Print what the attempts of a job printed and logged. Exits 1 when there is no such attempt."""
    from pregao.api.actions import canonical_job_id

    wanted = canonical_job_id(job_id)
    attempts = work(lambda actions, _: actions.attempts(wanted))
    chosen = [one for one in attempts if attempt in (None, one["attempt"])]
    if as_json:
        print_json([{name: one[name] for name in ("attempt", "outcome", "started_at", "logs")} for one in chosen])
    else:
        _print_logs(chosen)
    if not chosen:
        typer.echo(f"error: job {wanted} has no such attempt that ended and is recorded", err=True)
        raise typer.Exit(FAILED)


@app.command(name="list")
def list_jobs(
    status: Annotated[str | None, typer.Option("--status", "-s", help="Only jobs in this status.")] = None,
    scraper_name: Annotated[str | None, typer.Option("--scraper", help="Only jobs of this scraper.")] = None,
    ticker: Annotated[str | None, typer.Option("--ticker", "-t", help="Only jobs with this ticker.")] = None,
    page: Annotated[int, typer.Option("--page", help="Page, from 1.")] = 1,
    page_size: Annotated[int, typer.Option("--page-size", help="Jobs a page, up to 100.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List jobs, live and finished, newest first."""
    from pregao.api.schemas import ListQuery

    query = checked(ListQuery, status=status, scraper_name=scraper_name, ticker=ticker, page=page, page_size=page_size)
    jobs, total = work(
        lambda actions, _: actions.page(
            status=query.status,
            scraper_name=query.scraper_name,
            ticker=query.ticker,
            offset=query.offset,
            limit=query.page_size,
        )
    )
    if as_json:
        print_json({"jobs": jobs, "total": total, "page": page, "page_size": page_size})
        return
    print_table(
        ["id", "scraper", "ticker", "priority", "status", "retries", "created", "ended", "error"],
        [
            [
                job["id"],
                job["scraper_name"],
                job["ticker"],
                job["priority"],
                job["status"],
                f"{job['retry_count']}/{job['max_retries']}",
                local(job["created_at"]),
                local(job["completed_at"]),
                job["error"],
            ]
            for job in jobs
        ],
    )
    pages = max(1, -(-total // page_size))
    typer.echo(f"page {page} of {pages}, {total} jobs")


@app.command()
def failures(
    period: Annotated[str, typer.Option("--period", help="How far back: 30m, 24h, 7d.")] = "24h",
    scraper_name: Annotated[str | None, typer.Option("--scraper", help="Only failures of this scraper.")] = None,
    error_class: Annotated[str | None, typer.Option("--class", help="Only this class: timeout, network …")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=500, help="How many groups at most.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Put equal failures together, the most frequent first, each with an example."""
    from pregao.api.schemas import period_of
    from pregao.api.scraper_schemas import FailuresQuery

    query = checked(FailuresQuery, period=period, scraper_name=scraper_name, error_class=error_class, limit=limit)
    groups = work(
        lambda actions, _: actions.failures(
            period_of(query.period),
            scraper_name=query.scraper_name,
            error_class=query.error_class,
            limit=query.limit,
        )
    )
    if as_json:
        print_json({"period": query.period, "failures": groups})
        return
    print_table(
        ["attempts", "jobs", "scraper", "class", "first seen", "last seen", "example", "its error"],
        [
            [
                str(group["attempts"]),
                str(group["jobs"]),
                group["scraper_name"],
                f"{group['error_class']} (ignored)" if group["ignored"] else group["error_class"],
                local(group["first_seen"]),
                local(group["last_seen"]),
                group["example"]["job_id"],
                group["example"]["error"],
            ]
            for group in groups
        ],
        whole=6,
    )


@app.command()
def cancel(job_id: IdArgument, as_json: JsonOption = False) -> None:
    """Cancel a job that waits, or ask a running one to stop."""
    from pregao.api.actions import canonical_job_id, told_of_cancel

    wanted = canonical_job_id(job_id)
    told = told_of_cancel(wanted, work(lambda actions, _: actions.cancel(wanted)))
    if as_json:
        print_json(told)
    else:
        typer.echo(told["message"])


@app.command()
def priority(
    job_id: IdArgument,
    to: Annotated[str, typer.Argument(metavar="PRIORITY", help="high, normal or low.")],
    as_json: JsonOption = False,
) -> None:
    """Move a job that waits to the back of another queue."""
    from pregao.api.actions import canonical_job_id
    from pregao.domain.job import as_priority

    wanted, chosen = canonical_job_id(job_id), as_priority(to)
    job = work(lambda actions, _: actions.change_priority(wanted, chosen))
    if as_json:
        print_json(job)
    else:
        typer.echo(f"{job['id']} is {job['priority']} now")


@app.command()
def retry(job_id: IdArgument, as_json: JsonOption = False) -> None:
    """Run a failed or cancelled job again as a new one, or a job that waits for its retry now."""
    from pregao.api.actions import canonical_job_id

    wanted = canonical_job_id(job_id)
    job, new = work(lambda actions, _: actions.retry(wanted))
    if as_json:
        print_json(job)
    else:
        typer.echo(job["id"] if new else f"{job['id']} waited for its retry and is due now")


@app.command()
def wait(job_id: IdArgument, timeout: TimeoutOption = None, as_json: JsonOption = False) -> None:
    """Wait for a job's end: exit 0 when it completed, 1 when it failed or was cancelled, 2 at the timeout."""
    from pregao.api.actions import canonical_job_id

    wanted = canonical_job_id(job_id)
    _finish(work(lambda actions, runtime: _ended(actions, runtime, wanted, timeout)), as_json)


async def _ended(actions: JobActions, runtime: Runtime, job_id: str, timeout: float | None) -> dict[str, Any]:
    """The job once it has ended, or as it is when the time is over."""
    from pregao.cli.waiting import wait_for_end

    with _spinner(f"waiting for job {job_id}"):
        try:
            async with asyncio.timeout(timeout):
                return await wait_for_end(actions, runtime, job_id)
        except TimeoutError:
            return await actions.find(job_id)


def _spinner(text: str) -> AbstractContextManager[object]:
    terminal = console(stderr=True)
    return terminal.status(text) if terminal.is_terminal else nullcontext()


def _finish(job: dict[str, Any], as_json: bool) -> None:
    """Print how a wait ended, and exit with it."""
    if as_json:
        print_json(job)
    else:
        _print_job(job)
    match job["status"]:
        case "completed":
            return
        case "failed" | "cancelled":
            raise typer.Exit(FAILED)
        case status:
            raise WaitTimedOut(f"job {job['id']} is still {status}; `pregao jobs wait` goes on waiting")


def _print_logs(attempts: list[dict[str, Any]]) -> None:
    for one in attempts:
        typer.echo(f"--- attempt {one['attempt']}, {one['outcome']}, {local(one['started_at'])}")
        if one["logs"]:
            typer.echo(one["logs"], nl=not one["logs"].endswith("\n"))


def _print_job(job: dict[str, Any]) -> None:
    times = ("created_at", "started_at", "completed_at", "due_at")
    rows: list[list[object]] = [
        [name, local(value) if name in times else "\n".join(value) if name == "held" and value else shown(value)]
        for name, value in job.items()
        if value not in (None, {}, False) or name in ("ticker", "result", "error")
    ]
    print_table(["", "job"], rows)


def _metadata(text: str | None) -> object:
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidInput(
            "metadata", text, f"is not JSON ({error})", 'write for example \'{"asked_by": "me"}\''
        ) from None
