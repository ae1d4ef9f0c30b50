"""The endpoints under /api/schedules, as a router for Pregão's own application or any other FastAPI one.

from pregao.api.schedules import router
app.include_router(router)
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response

from pregao.api.door import Door, behind, schedule_actions_of
from pregao.api.problems import ProblemRoute, described, json_response
from pregao.api.schedule_actions import ScheduleActions
from pregao.api.schedule_schemas import FiringsQuery, RunRequest, RunView, ScheduleListView, ScheduleView
from pregao.api.schemas import IdempotencyKey
from pregao.settings import Settings

_ALWAYS: dict[int | str, dict[str, Any]] = {
    422: described("Bad input: field, value and fix"),
    503: described("Redis cannot serve now; Retry-After says when to come back"),
}
_NO_SUCH: dict[int | str, dict[str, Any]] = {
    404: described("No such schedule, with names that come close"),
    409: described("The schedule is not loaded for its problems, or cannot be run for the reason given"),
}

routes = APIRouter(prefix="/api/schedules", tags=["schedules"], route_class=ProblemRoute, responses=_ALWAYS)

# Names may hold a slash.
Name = Annotated[str, Path(description="The schedule's name, as the file has it")]
Actions = Annotated[ScheduleActions, Depends(schedule_actions_of)]


@routes.get("", response_model=ScheduleListView)
async def list_schedules(query: Annotated[FiringsQuery, Query()], actions: Actions) -> Response:
    """The schedules of the file with their rules, next firings and last firing; the file's problems and warnings."""
    return json_response(await actions.listed(query.firings))


@routes.get("/{name:path}", response_model=ScheduleView, responses=_NO_SUCH)
async def show_schedule(name: Name, query: Annotated[FiringsQuery, Query()], actions: Actions) -> Response:
    """One schedule; its last firing with the ids of its jobs."""
    return json_response(await actions.one(name, query.firings))


@routes.post(
    "/{name:path}/run",
    status_code=201,
    response_model=RunView,
    responses={
        200: {"model": RunView, "description": "The run that stands for this request already"},
        400: described("The body is not JSON"),
        **_NO_SUCH,
    },
)
async def run_schedule(
    name: Name, actions: Actions, body: RunRequest | None = None, idempotency_key: IdempotencyKey = None
) -> Response:
    """Make the schedule's jobs now (201), whether or not it is enabled or due. Its next firing stays what it is.

    A request that is repeated with its Idempotency-Key within 24 hours answers the run that it made (200).
    """
    requested_by = None if body is None else body.requested_by
    run, new = await actions.run(name, requested_by=requested_by, idempotency_key=idempotency_key)
    return json_response(run, 201 if new else 200)


def schedule_router(settings: Settings | None = None) -> APIRouter:
    """The endpoints with connections of their own, which open and close with the application that includes them.

    `settings` None are read from the environment when the application starts.
    """
    return behind(Door(settings), routes)


router = schedule_router()
