"""Long-lived services: something that is started, runs in the background, and is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class Background:
    """Owns the one task of a running service, so that no task is without a parent.

    `start(run)` returns once the task exists; `stop()` cancels it and waits for its end. Stop before start and a
    second stop do nothing. An error in the task is raised by `wait()` and by `stop()`, never lost.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether the task exists and has not ended."""
        return self._task is not None and not self._task.done()

    def start(self, run: Callable[[], Awaitable[None]]) -> None:
        """Run `run()` in the background. Raises RuntimeError when it already runs."""
        if self.running:
            raise RuntimeError(f"{self._name} already runs")

        async def body() -> None:
            await run()

        self._task = asyncio.create_task(body(), name=self._name)  # noqa: TID251 - the parent of services

    async def wait(self) -> None:
        """Wait until the task ends by itself; raises what it raised."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def stop(self) -> None:
        """Cancel the task and wait for it; raises what it raised, except its cancellation."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                raise
