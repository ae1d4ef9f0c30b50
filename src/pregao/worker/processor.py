"""The worker process: claims for its free slots, runs attempts, and stops in order: quiet, drain, stop."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec
from loguru import logger

from pregao.attempt.outcome import Outcome
from pregao.domain.clock import Clock, SystemClock
from pregao.domain.errors import QueueError, QueueUnavailable
from pregao.domain.names import fold
from pregao.domain.service import Background
from pregao.generation import GenerationKeeper
from pregao.limits.last_good import LastGoodValues
from pregao.limits.live import LiveLimits, following_limits
from pregao.limits.publish import Publisher
from pregao.limits.result_gate import ResultGate
from pregao.limits.session_watch import SessionWatch, place_of
from pregao.queue.commands import QueueCommands
from pregao.queue.connection import check_server, open_redis
from pregao.queue.lease import LeaseKeeper, Verdict
from pregao.queue.messages import Claim
from pregao.queue.process import own_process
from pregao.queue.views import QueueViews, WorkerFacts
from pregao.scrapers.aside import aside
from pregao.scrapers.following import following
from pregao.scrapers.http import shared_clients
from pregao.scrapers.registry import Registry
from pregao.settings import Settings
from pregao.store.link import StoreLink
from pregao.store.pool import close_pool, open_pool
from pregao.store.results import Results
from pregao.version import running_version
from pregao.worker.backpressure import Backpressure
from pregao.worker.browsers import BrowserBudget
from pregao.worker.cancels import listen_for_cancels
from pregao.worker.claimer import Claimer
from pregao.worker.executor import Executor
from pregao.worker.isolated import Isolated
from pregao.worker.memory import MemoryMark, MemoryReader, memory_use
from pregao.worker.recorder_process import RecorderProcess
from pregao.worker.settler import Settler
from pregao.worker.slots import Slot, Slots

POOL_SIZE = 2
"""Few scrapers read what is stored, and briefly."""
LAST_GOOD_SECONDS = 1.0
"""A result waits no longer than this for the one before it."""
OUTBOX_SHARE_OF_MAXMEMORY = 4
DRAIN_SHARE_OF_GRACE = 0.75
"""The rest of the grace is for stopping and releasing what did not finish by itself."""


class JobProcessor:
    """A pool of `worker_count` slots (SCRAPER_CONCURRENT_JOBS) in one process.

    1. `initialize()` connects, checks the server and loads the scrapers. 2. `start()` begins to claim and returns.
    3. `stop()` claims no more, lets running jobs finish within the grace, and releases the rest.
    """

    def __init__(
        self,
        worker_count: int | None = None,
        *,
        settings: Settings | None = None,
        clock: Clock | None = None,
        records: bool = True,
        role_command: Sequence[str] | None = None,
        read_memory: MemoryReader = memory_use,
    ) -> None:
        """`records=False` leaves the recorder to somebody else; `role_command` starts its process otherwise."""
        self._role_command = role_command
        self._read_memory = read_memory
        self._settings = settings or Settings.load()
        self.worker_count = worker_count if worker_count is not None else self._settings.concurrent_jobs
        if self.worker_count < 1:
            raise ValueError(f"worker_count {self.worker_count} is too small; use 1 or more")
        self.worker_id = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._clock = clock or SystemClock()
        self._records = records
        self._background = Background("pregao-worker")
        self._initialized = False

    async def initialize(self) -> None:
        """Connect and check. Raises QueueUnavailable, UnsafeServer; a second call does nothing."""
        if self._initialized:
            return
        settings = self._settings
        self._url = settings.resolve_redis_url()
        self._redis = open_redis(self._url)
        server = await check_server(self._redis, settings.key_prefix)
        for warning in server.warnings:
            logger.warning("Redis: {}", warning)
        self._commands = QueueCommands(self._redis, settings.key_prefix)
        if server.maxmemory_bytes:
            self._commands.outbox_limit_bytes = server.maxmemory_bytes // OUTBOX_SHARE_OF_MAXMEMORY
        self._views = QueueViews(self._redis, settings.key_prefix)
        self._generation = GenerationKeeper(self._commands, settings.resolve_database_url())
        self._pool = await open_pool(settings.resolve_database_url(), max_size=POOL_SIZE)
        self._registry = await aside(Registry.load, settings, Results(self._pool))
        self._limits = LiveLimits(settings, self._registry, clock=self._clock)
        self._limits.load()
        self._isolated = Isolated(self._registry, settings, self._limits, self._clock)
        await self._generation.ensure()
        self._settler = Settler(self._commands, self._generation.ensure)
        self._last_good_link = StoreLink(settings.resolve_database_url, answer_seconds=LAST_GOOD_SECONDS, max_size=2)
        self._sessions = self._session_watch()
        self._executor = Executor(
            registry=self._registry,
            isolated=self._isolated,
            commands=self._commands,
            settler=self._settler,
            clock=self._clock,
            limits=self._limits,
            gate=ResultGate(LastGoodValues(self._last_good_link, self._clock)),
            sessions=self._sessions,
            offered_elsewhere=self._offered_elsewhere,
            sample=settings.sample,
        )
        self._initialized = True

    async def start(self) -> None:
        """Begin to claim; returns at once. Initializes first when that was not done."""
        await self.initialize()
        self._slots = Slots(self.worker_count)
        self._browsers = BrowserBudget(self._registry, self._settings.scraper_browsers)
        self._claimer = self._make_claimer()
        self._backpressure = Backpressure(
            MemoryMark(*self._settings.memory_mark_percents, self._read_memory), self._claimer
        )
        self._background.start(self._run)
        logger.info("worker {} takes jobs into {} slots", self.worker_id, self.worker_count)

    async def wait(self) -> None:
        """Wait until the worker ends by itself; raises what ended it."""
        await self._background.wait()

    @property
    def abandoned(self) -> int:
        """Attempts that did not end when they were told to, and still take up this process."""
        return self._executor.abandoned if self._initialized else 0

    async def stop(self) -> None:
        """Quiet, drain, stop: claim no more, let running jobs finish within the grace, release what is left."""
        if self._background.running:
            await self._drain(self._settings.grace_seconds)
        await self._background.stop()
        if self._initialized:
            self._initialized = False
            await self._generation.aclose()
            await self._redis.aclose()
            await close_pool(self._pool)
            self._last_good_link.drop()
            logger.info("worker {} stopped", self.worker_id)

    async def _drain(self, grace_seconds: float) -> None:
        self._claimer.quiet()
        drain_seconds = grace_seconds * DRAIN_SHARE_OF_GRACE
        if await self._emptied_within(drain_seconds):
            return
        logger.warning("{} jobs did not finish within {:g} s and are released", len(self._slots), drain_seconds)
        self._slots.ask_all("shutdown")
        if not await self._emptied_within(grace_seconds - drain_seconds):
            logger.error("{} jobs could not be stopped; their leases will expire", len(self._slots))

    async def _emptied_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._claimer.done()
                await self._slots.all_left()
        except TimeoutError:
            return False
        return True

    async def _run(self) -> None:
        changes = following(self._registry), following_limits(self._limits)
        async with (
            shared_clients(), changes[0], changes[1], self._isolated, asyncio.TaskGroup() as services,
            asyncio.TaskGroup() as self._attempts,
        ):  # fmt: skip
            self._keeper = self._make_keeper(asyncio.get_running_loop())
            self._keeper.start()
            try:
                if self._records:
                    services.create_task(RecorderProcess(self._settings, self._role_command).run())
                services.create_task(self._settler.run())
                services.create_task(self._generation.run())
                publisher = self._publisher()
                await publisher.step()  # a new queue has no limits yet, and the first claim must find them
                services.create_task(publisher.run())
                await self._sessions.step()  # nor may it find jobs whose scrapers are not logged in
                services.create_task(self._sessions.run())
                self._backpressure.look()
                services.create_task(self._backpressure.run())
                on_cancel = partial(self._slots.ask, reason="cancel")
                services.create_task(listen_for_cancels(self._url, self._commands.keys.cancel, on_cancel))
                await self._claimer.run()
                await asyncio.Event().wait()
            finally:
                self._executor.end_attempts()
                await asyncio.to_thread(self._keeper.stop)

    def _publisher(self) -> Publisher:
        return Publisher(self._commands, self._limits, str(self._settings.scrapers_file), self._registry.names)

    def _session_watch(self) -> SessionWatch:
        def directories() -> dict[str, Path]:
            return {entry.name: place_of(entry) for entry in self._registry.entries()}

        host = socket.gethostname()
        return SessionWatch(self._commands, self._views, self._limits, directories, host=host, clock=self._clock)

    def _make_keeper(self, loop: asyncio.AbstractEventLoop) -> LeaseKeeper:
        return LeaseKeeper(
            self._url,
            self._commands.keys,
            self.worker_id,
            lease_ms=self._settings.lease_ms,
            renew_ms=self._settings.renew_ms,
            clock=self._clock,
            heartbeat=self._heartbeat,
            on_verdict=partial(_in_loop, loop, self._on_verdict),
            on_generation_missing=partial(_in_loop, loop, self._generation.request),
        )

    def _make_claimer(self) -> Claimer:
        return Claimer(
            self._url,
            self._commands,
            self.worker_id,
            slots=self._slots,
            browsers=self._browsers,
            lease_ms=self._settings.lease_ms,
            clock=self._clock,
            ensure_generation=self._generation.ensure,
            on_claim=self._occupy,
            on_unreadable=self._fail_unreadable,
        )

    def _occupy(self, claim: Claim, claimed_at: float) -> None:
        slot = self._slots.take(claim, browser=self._browsers.take(claim.spec.scraper_name))
        self._keeper.hold(claim.job_id, claim.token, claimed_at)
        self._attempts.create_task(self._work(claim, slot), name=f"job {claim.job_id}")

    async def _work(self, claim: Claim, slot: Slot) -> None:
        def abandon(outcome: Outcome) -> None:
            self._attempts.create_task(self._give_up(claim, slot, outcome))

        try:
            over = partial(self._slots.settle, slot)
            await self._executor.execute(claim, slot.stop, on_over=over, on_abandoned=abandon)
        except QueueError as error:
            logger.error("job {} could not be ended and will be reclaimed: {}", claim.job_id, error)
        except Exception:
            self._executor.end_attempts()  # the group cancels all others now
            raise
        finally:
            self._vacate(claim, slot)

    async def _give_up(self, claim: Claim, slot: Slot, outcome: Outcome) -> None:
        """End an attempt that goes on all the same: its slot is free again."""
        try:
            await self._executor.end(claim, outcome)
        except QueueError as error:
            logger.error("job {} could not be ended and will be reclaimed: {}", claim.job_id, error)
        finally:
            self._vacate(claim, slot)

    def _vacate(self, claim: Claim, slot: Slot) -> None:
        self._keeper.drop(claim.token)
        if self._slots.leave(slot) and slot.browser:
            self._browsers.give_back()
            self._claimer.review()

    def _fail_unreadable(self, job_id: str, token: str, problem: str) -> None:
        logger.error("job {} fails: {}", job_id, problem)
        self._attempts.create_task(self._settler.fail_unreadable(job_id, token, problem, self._clock.now()))

    def _on_verdict(self, _job_id: str, token: str, verdict: Verdict) -> None:
        self._slots.ask_holder(token, verdict)

    async def _offered_elsewhere(self) -> frozenset[str]:
        try:
            workers = await self._views.workers()
        except QueueUnavailable as error:
            logger.warning("other workers' scrapers are unknown: {}", error)
            return frozenset()
        return frozenset(fold(name) for w in workers if w.id != self.worker_id for name in w.scrapers)

    def _heartbeat(self) -> bytes:
        return msgspec.json.encode(
            WorkerFacts(
                id=self.worker_id,
                host=socket.gethostname(),
                pid=os.getpid(),
                process=own_process(),
                version=running_version(),
                slots=self.worker_count,
                used_slots=self._slots.used,
                running=self._slots.running,
                browsers=self._browsers.count,
                used_browsers=self._browsers.used,
                **self._backpressure.facts,
                state="draining" if self._claimer.is_quiet else "working",
                scrapers=[entry.name for entry in self._registry.entries() if not entry.missing],
                problems=self._limits.problems,
            )
        )


def _in_loop(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *arguments: str) -> None:
    loop.call_soon_threadsafe(call, *arguments)
