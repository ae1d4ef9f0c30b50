"""The endpoints under /api/queue: pauses, caps, fairness, and who changed them.

from pregao.api.queue import router
app.include_router(router)
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from pregao.api.door import Door, behind, runtime_of
from pregao.api.problems import ProblemRoute, described, json_response
from pregao.api.queue_actions import QueueActions
from pregao.api.queue_schemas import (
    AuditQuery,
    AuditView,
    CapRequest,
    ControlsView,
    FairRequest,
    PauseRequest,
    ResumeRequest,
)
from pregao.domain.clock import SystemClock
from pregao.runtime import Runtime
from pregao.settings import Settings

_ALWAYS: dict[int | str, dict[str, Any]] = {
    422: described("Bad input: field, value and fix"),
    503: described("Redis or PostgreSQL cannot serve now; Retry-After says when to come back"),
}

routes = APIRouter(prefix="/api/queue", tags=["queue"], route_class=ProblemRoute, responses=_ALWAYS)


def _actions(runtime: Annotated[Runtime, Depends(runtime_of)]) -> QueueActions:
    return QueueActions(runtime)


Actions = Annotated[QueueActions, Depends(_actions)]


@routes.get("/controls", response_model=ControlsView)
async def controls(actions: Actions) -> Response:
    """What holds jobs back: pauses with who, why and until, caps, fairness; and how many jobs are parked."""
    return json_response(await actions.controls())


@routes.post("/pause", response_model=ControlsView)
async def pause(body: PauseRequest, actions: Actions) -> Response:
    """Let a queue or a scraper wait. Running jobs go on; jobs are still accepted."""
    target = actions.target(body.priority, body.scraper_name)
    end = body.end(SystemClock().now())
    return json_response(await actions.pause(target, who=body.who, why=body.why, until=end))


@routes.post("/resume", response_model=ControlsView)
async def resume(body: ResumeRequest, actions: Actions) -> Response:
    """Take a pause away. Nothing happens when there is none."""
    resumed, _ = await actions.resume(actions.target(body.priority, body.scraper_name), who=body.who)
    return json_response(resumed)


@routes.put("/cap", response_model=ControlsView)
async def cap(body: CapRequest, actions: Actions) -> Response:
    """Bound how many jobs of a scraper run at once, over all workers."""
    target = actions.target(body.priority, body.scraper_name)
    return json_response(await actions.cap(target, body.concurrency, who=body.who))


@routes.put("/fair", response_model=ControlsView)
async def fair(body: FairRequest, actions: Actions) -> Response:
    """Give lower queues their turn, so that a busy high queue does not starve them."""
    return json_response(await actions.fair(body.every, who=body.who))


@routes.get("/audit", response_model=AuditView)
async def audit(query: Annotated[AuditQuery, Query()], actions: Actions) -> Response:
    """Who changed what, newest first, with what was there before."""
    return json_response({"changes": await actions.audit(query.limit)})


def queue_router(settings: Settings | None = None) -> APIRouter:
    """The endpoints with connections of their own; `settings` None are read when the application starts."""
    return behind(Door(settings), routes)


router = queue_router()
