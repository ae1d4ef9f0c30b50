"""The endpoints under /api/jobs, as a router for Pregão's own application or any other FastAPI one.

from pregao.api.jobs import router
app.include_router(router)
"""

from __future__ import annotations

from asyncio import gather
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response

from pregao.api.actions import JobActions, NewJob, canonical_job_id, told_of_cancel
from pregao.api.attempts import AttemptsView
from pregao.api.door import Door, actions_of, behind, runtime_of
from pregao.api.health import HTTP_STATUS, counts, examine
from pregao.api.problems import ProblemRoute, described, json_response
from pregao.api.schemas import (
    DEPTH_LIMIT,
    ByScraperView,
    CancelView,
    HealthView,
    IdempotencyKey,
    JobChange,
    JobPageView,
    JobRequest,
    JobView,
    ListQuery,
    PeriodQuery,
    QueueView,
    SummaryView,
    period_of,
)
from pregao.api.scraper_schemas import FailureGroupsView, FailuresQuery
from pregao.domain.errors import InvalidInput
from pregao.queue.gate_documents import held_document
from pregao.queue.views import told_holds
from pregao.runtime import Runtime
from pregao.settings import Settings

_ALWAYS: dict[int | str, dict[str, Any]] = {
    422: described("Bad input: field, value and fix"),
    503: described("Redis or PostgreSQL cannot serve now; Retry-After says when to come back"),
}
_NO_SUCH_JOB: dict[int | str, dict[str, Any]] = {404: described("No such job")}
_NOT_NOW: dict[int | str, dict[str, Any]] = {**_NO_SUCH_JOB, 409: described("The job's status does not allow that")}

_BODY: dict[int | str, dict[str, Any]] = {
    400: described("The body is not JSON"),
    413: described("The body is too large"),
}

routes = APIRouter(prefix="/api/jobs", tags=["jobs"], route_class=ProblemRoute, responses=_ALWAYS)


def job_id_of(job_id: Annotated[str, Path(description="The job's id, a UUID")]) -> str:
    """The id in canonical form. Raises InvalidInput when it is no UUID."""
    return canonical_job_id(job_id)


JobId = Annotated[str, Depends(job_id_of)]
Actions = Annotated[JobActions, Depends(actions_of)]
TheRuntime = Annotated[Runtime, Depends(runtime_of)]


@routes.post(
    "/create",
    status_code=201,
    response_model=JobView,
    responses={
        200: {"model": JobView, "description": "The job that stands for this request already"},
        409: described("The Idempotency-Key was used for another request"),
        **_BODY,
    },
)
async def create_job(body: JobRequest, actions: Actions, idempotency_key: IdempotencyKey = None) -> Response:
    """Create one job (201). It is visible everywhere as soon as this answers.

    A request that is repeated with its Idempotency-Key, or whose unique_key a live job holds, answers that job (200).
    """
    request = NewJob(**{**dict(body), "metadata": body.metadata or {}, "idempotency_key": idempotency_key})
    job, new = await actions.create(request)
    return json_response(job, 201 if new else 200)


@routes.get("/list", response_model=JobPageView)
async def list_jobs(query: Annotated[ListQuery, Query()], actions: Actions) -> Response:
    """Jobs, live and finished, newest first. Large results are left out here."""
    if query.offset > DEPTH_LIMIT:
        raise InvalidInput("page", query.page, "is too deep", f"filter, or stay within the newest {DEPTH_LIMIT} jobs")
    jobs, total = await actions.page(
        status=query.status,
        scraper_name=query.scraper_name,
        ticker=query.ticker,
        offset=query.offset,
        limit=query.page_size,
    )
    return json_response({"jobs": jobs, "total": total, "page": query.page, "page_size": query.page_size})


@routes.get("/health", response_model=HealthView, responses={503: {"model": HealthView}})
async def health(runtime: TheRuntime) -> Response:
    """Whether jobs are taken, run and recorded: 200 when healthy or degraded, 503 when nothing is run."""
    report = await examine(runtime)
    return json_response(report, HTTP_STATUS[report["status"]])


@routes.get("/queue/status", response_model=QueueView)
async def queue_status(runtime: TheRuntime) -> Response:
    """How many jobs are ready, by priority; how many wait for a retry, run, or are held back, and by what; and which
    workers take no jobs now.
    """
    views = runtime.views
    lengths, parked, gates, workers = await gather(views.lengths(), views.parked(), views.gates(), views.workers())
    held = {**held_document(gates), "held_workers": told_holds(workers)}
    return json_response({**counts(lengths, parked), **held, "sample": runtime.settings.sample})


@routes.get("/stats/summary", response_model=SummaryView)
async def stats_summary(query: Annotated[PeriodQuery, Query()], actions: Actions) -> Response:
    """Results of a period, 24 hours unless said otherwise."""
    return json_response({"period": query.period, **await actions.summary(period_of(query.period))})


@routes.get("/stats/by-scraper", response_model=ByScraperView)
async def stats_by_scraper(query: Annotated[PeriodQuery, Query()], actions: Actions) -> Response:
    """Results of a period for each scraper, the busiest first."""
    return json_response({"period": query.period, "scrapers": await actions.by_scraper(period_of(query.period))})


@routes.get("/failures", response_model=FailureGroupsView)
async def failures(query: Annotated[FailuresQuery, Query()], actions: Actions) -> Response:
    """Equal failures of a period put together, the most frequent first, each with an example."""
    groups = await actions.failures(
        period_of(query.period), scraper_name=query.scraper_name, error_class=query.error_class, limit=query.limit
    )
    return json_response({"period": query.period, "failures": groups})


@routes.get("/{job_id}", response_model=JobView, responses=_NO_SUCH_JOB)
async def get_job(job_id: JobId, actions: Actions) -> Response:
    """One job, with its result; of one that waits also why."""
    return json_response(await actions.shown(job_id))


@routes.delete("/{job_id}", response_model=CancelView, responses=_NOT_NOW)
async def cancel_job(job_id: JobId, actions: Actions) -> Response:
    """Cancel a job that waits, or ask a running one to stop; 409 when it has ended."""
    return json_response(told_of_cancel(job_id, await actions.cancel(job_id)))


@routes.get("/{job_id}/attempts", response_model=AttemptsView, responses=_NO_SUCH_JOB)
async def get_attempts(job_id: JobId, actions: Actions) -> Response:
    """The attempts of a job that have ended, with what they printed. They follow the job by the recorder's lag."""
    return json_response({"attempts": await actions.attempts(job_id)})


@routes.patch("/{job_id}", response_model=JobView, responses={**_NOT_NOW, **_BODY})
async def change_job(job_id: JobId, body: JobChange, actions: Actions) -> Response:
    """Change the priority of a job that waits: it goes to the back of the other queue."""
    return json_response(await actions.change_priority(job_id, body.priority))


@routes.post(
    "/{job_id}/retry",
    status_code=201,
    response_model=JobView,
    responses={200: {"model": JobView, "description": "The job waited for its retry and is due now"}, **_NOT_NOW},
)
async def retry_job(job_id: JobId, actions: Actions) -> Response:
    """Run a failed or cancelled job again as a new one (201); make one that waits for its retry due now (200)."""
    job, new = await actions.retry(job_id)
    return json_response(job, 201 if new else 200)


def job_router(settings: Settings | None = None) -> APIRouter:
    """The endpoints with connections of their own, which open and close with the application that includes them.

    `settings` None are read from the environment when the application starts.
    """
    return behind(Door(settings), routes)


router = job_router()
