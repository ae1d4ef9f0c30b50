"""The endpoints under /api/scrapers and /api/audit: limits, where they come from, breakers, and who changed them.

from pregao.api.scrapers import router
app.include_router(router)
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response

from pregao.api.door import Door, behind, runtime_of
from pregao.api.problems import ProblemRoute, described, json_response
from pregao.api.queue_schemas import AuditView
from pregao.api.scraper_actions import ScraperActions
from pregao.api.scraper_schemas import (
    LimitsChange,
    ResetRequest,
    ScraperAuditQuery,
    ScraperListView,
    ScraperView,
    TripRequest,
)
from pregao.runtime import Runtime
from pregao.settings import Settings

_ALWAYS: dict[int | str, dict[str, Any]] = {
    422: described("Bad input: field, value and fix"),
    503: described("Redis or PostgreSQL cannot serve now; Retry-After says when to come back"),
}
_NO_SUCH: dict[int | str, dict[str, Any]] = {404: described("No such scraper, with names that come close")}
_WITH_BODY: dict[int | str, dict[str, Any]] = {**_NO_SUCH, 400: described("The body is not JSON")}

routes = APIRouter(prefix="/api", tags=["scrapers"], route_class=ProblemRoute, responses=_ALWAYS)


def _actions(runtime: Annotated[Runtime, Depends(runtime_of)]) -> ScraperActions:
    return ScraperActions(runtime)


Actions = Annotated[ScraperActions, Depends(_actions)]
Name = Annotated[str, Path(description="The scraper, by any spelling that names just one")]


@routes.get("/scrapers", response_model=ScraperListView)
async def list_scrapers(actions: Actions) -> Response:
    """Every scraper that is known here, and what is wrong with the file of limits."""
    return json_response(await actions.listed())


@routes.get("/scrapers/{name}", response_model=ScraperView, responses=_NO_SUCH)
async def show_scraper(name: Name, actions: Actions) -> Response:
    """One scraper: every limit with where it comes from, and how long its jobs took."""
    return json_response(await actions.one(name))


@routes.patch("/scrapers/{name}", response_model=ScraperView, responses=_WITH_BODY)
async def change_scraper(name: Name, body: LimitsChange, actions: Actions) -> Response:
    """Change limits for all workers, all of them or none; null takes a change back, and the file counts again.

    Every process goes by it within seconds.
    """
    scraper, _ = await actions.change(name, body.changes, who=body.who, why=body.why)
    return json_response(scraper)


@routes.post("/scrapers/{name}/trip", response_model=ScraperView, responses=_WITH_BODY)
async def trip_scraper(name: Name, body: TripRequest, actions: Actions) -> Response:
    """Open the breaker of a scraper: its jobs are parked, those that run go on. Afterwards one job at a time tries."""
    return json_response(await actions.trip(name, who=body.who, why=body.why, lasting=body.lasting))


@routes.post("/scrapers/{name}/reset", response_model=ScraperView, responses=_WITH_BODY)
async def reset_scraper(name: Name, actions: Actions, body: ResetRequest | None = None) -> Response:
    """Close the breaker of a scraper, forget its failures in a row and what its source asked for; its jobs run.

    Pauses, limits and logins hold as before. Nothing happens when there is nothing to lift.
    """
    asked = body or ResetRequest()
    scraper, _ = await actions.reset(name, who=asked.who, hosts=asked.hosts)
    return json_response(scraper)


@routes.get("/audit", response_model=AuditView)
async def audit(query: Annotated[ScraperAuditQuery, Query()], actions: Actions) -> Response:
    """Who changed which rule or limit, newest first, with what was there before."""
    changes = await actions.audit(query.scraper_name, limit=query.limit, before=query.before)
    return json_response({"changes": changes})


def scraper_router(settings: Settings | None = None) -> APIRouter:
    """The endpoints with connections of their own; `settings` None are read when the application starts."""
    return behind(Door(settings), routes)


router = scraper_router()
