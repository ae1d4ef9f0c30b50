"""How a request comes by the runtime: opened with the application, or by the first request that needs it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import APIRouter, Depends, Request

from pregao.api.actions import JobActions
from pregao.api.schedule_actions import ScheduleActions, watch_enabled_schedules
from pregao.configuration.watched_file import WatchedFile
from pregao.limits.live import following_limits
from pregao.runtime import Runtime, open_runtime
from pregao.scheduler.loader import ScheduleFile
from pregao.settings import Settings


class Door:
    """The connections of some routers. `settings` None are read from the environment when they are first needed."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings
        self._stack = AsyncExitStack()
        self._runtime: Runtime | None = None
        self._schedules: WatchedFile[ScheduleFile] | None = None
        self._opening = asyncio.Lock()

    async def __call__(self, request: Request) -> None:
        """Put the runtime and its actions where the endpoints look for them: the routes' first dependency."""
        runtime, schedules = await self._open()
        request.state.pregao_runtime = runtime
        request.state.pregao_actions = JobActions(runtime)
        request.state.pregao_schedule_actions = ScheduleActions(runtime, schedules)

    @asynccontextmanager
    async def lifespan(self, _: object) -> AsyncIterator[None]:
        """Open with the application that the router is part of, and close with it."""
        await self._open()
        try:
            yield
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Close the connections; only an application that runs no lifespan needs to call it."""
        self._runtime = None
        await self._stack.aclose()

    async def _open(self) -> tuple[Runtime, WatchedFile[ScheduleFile]]:
        async with self._opening:
            if self._runtime is None or self._schedules is None:
                settings = self._settings or Settings.load()
                runtime = await self._stack.enter_async_context(open_runtime(settings))
                # A broken edit is told in the log when it is made, not when somebody asks.
                await self._stack.enter_async_context(following_limits(runtime.limits))
                self._schedules = watch_enabled_schedules(runtime)
                self._runtime = runtime
            return self._runtime, self._schedules


def behind(door: Door, *routers: APIRouter) -> APIRouter:
    """The routers with the connections of one door, which opens and closes with the application that includes them."""
    joined = APIRouter(lifespan=door.lifespan)
    for router in routers:
        joined.include_router(router, dependencies=[Depends(door)])
    return joined


def runtime_of(request: Request) -> Runtime:
    """The runtime that this request works with."""
    runtime: Runtime = request.state.pregao_runtime
    return runtime


def actions_of(request: Request) -> JobActions:
    """What this request can ask of jobs."""
    actions: JobActions = request.state.pregao_actions
    return actions


def schedule_actions_of(request: Request) -> ScheduleActions:
    """What this request can ask of schedules."""
    actions: ScheduleActions = request.state.pregao_schedule_actions
    return actions
