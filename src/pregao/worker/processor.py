"""The worker process: claims for its free slots, runs attempts, and stops in order: quiet, drain, stop."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Awaitable, Callable
from functools import partial

import msgspec
import redis.asyncio as redis_async
from loguru import logger
from redis.exceptions import RedisError

from pregao.domain.clock import Clock, SystemClock
from pregao.domain.errors import GenerationMissing, QueueError, QueueUnavailable
from pregao.domain.failure import FailureClass
from pregao.domain.job import JobSpec
from pregao.domain.names import fold
from pregao.domain.service import Background
from pregao.generation import GenerationKeeper
from pregao.queue.commands import QueueCommands
from pregao.queue.connection import check_server, open_redis
from pregao.queue.facts import AttemptReport
from pregao.queue.lease import LeaseKeeper, Verdict
from pregao.queue.messages import Claim, Settlement
from pregao.queue.views import QueueViews, WorkerFacts
from pregao.scrapers.http import aclose_clients
from pregao.scrapers.registry import Registry
from pregao.settings import Settings
from pregao.worker.executor import Executor
from pregao.worker.outcome import StopReason
from pregao.worker.recorder_process import RecorderProcess
from pregao.worker.settler import Settler

WAKE_SECONDS = 5.0
TROUBLE_SECONDS = 0.5
BEHIND_SECONDS = 1.0
OUTBOX_SHARE_OF_MAXMEMORY = 4


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
    ) -> None:
        self._settings = settings or Settings.load()
        self.worker_count = worker_count if worker_count is not None else self._settings.concurrent_jobs
        if self.worker_count < 1:
            raise ValueError(f"worker_count {self.worker_count} is too small; use 1 or more")
        self.worker_id = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._clock = clock or SystemClock()
        self._records = records
        self._background = Background("pregao-worker")
        self._slots: dict[str, _Slot] = {}
        self._slot_freed = asyncio.Event()
        self._quiet = asyncio.Event()
        self._sequence = 0
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
        self._registry = Registry.load(settings)
        for problem in self._registry.problems:
            logger.error("scraper not loaded: {}", problem)
        await self._generation.ensure()
        self._settler = Settler(self._commands, self._generation.ensure)
        self._executor = Executor(
            registry=self._registry,
            commands=self._commands,
            settler=self._settler,
            clock=self._clock,
            default_timeout_seconds=settings.timeout_ms / 1000,
            offered_elsewhere=self._offered_elsewhere,
        )
        self._initialized = True

    async def start(self) -> None:
        """Begin to claim; returns at once. Initializes first when that was not done."""
        await self.initialize()
        self._quiet.clear()
        self._background.start(self._run)
        logger.info("worker {} takes jobs into {} slots", self.worker_id, self.worker_count)

    async def wait(self) -> None:
        """Wait until the worker ends by itself; raises what ended it."""
        await self._background.wait()

    async def stop(self) -> None:
        """Quiet, drain, stop: claim no more, let running jobs finish within the grace, release what is left."""
        self._quiet.set()
        if self._background.running:
            await self._drain(self._settings.grace_seconds)
        await self._background.stop()
        if self._initialized:
            self._initialized = False
            await self._generation.aclose()
            await self._redis.aclose()
            await aclose_clients()
            logger.info("worker {} stopped", self.worker_id)

    async def _drain(self, grace_seconds: float) -> None:
        try:
            async with asyncio.timeout(grace_seconds):
                await self._empty()
        except TimeoutError:
            logger.warning("{} jobs did not finish within {} s and are released", len(self._slots), grace_seconds)
            for slot in list(self._slots.values()):
                slot.ask("shutdown")
            try:
                async with asyncio.timeout(grace_seconds):
                    await self._empty()
            except TimeoutError:
                logger.error("{} jobs could not be stopped; their leases will expire", len(self._slots))

    async def _empty(self) -> None:
        while self._slots:
            self._slot_freed.clear()
            await self._slot_freed.wait()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        self._keeper = LeaseKeeper(
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
        self._keeper.start()
        recorder = RecorderProcess(self._settings) if self._records else None
        try:
            async with asyncio.TaskGroup() as group:
                if recorder is not None:
                    group.create_task(recorder.run())
                group.create_task(self._settler.run())
                group.create_task(self._generation.run())
                group.create_task(self._listen_for_cancels())
                await self._claim_for_ever(group)
        finally:
            await asyncio.to_thread(self._keeper.stop)

    async def _claim_for_ever(self, group: asyncio.TaskGroup) -> None:
        waiting = open_redis(self._url, timeout_seconds=None)
        try:
            trouble: str | None = None
            while True:
                if self._quiet.is_set():
                    await asyncio.Event().wait()
                try:
                    await self._claim_once(group, waiting)
                    trouble = None
                except GenerationMissing:
                    await self._generation.ensure()
                    await asyncio.sleep(TROUBLE_SECONDS)
                except (QueueError, RedisError, OSError) as error:
                    if trouble != str(error):
                        logger.error("no jobs can be claimed: {}", error)
                    trouble = str(error)
                    await asyncio.sleep(TROUBLE_SECONDS)
        finally:
            await waiting.aclose()

    async def _claim_once(self, group: asyncio.TaskGroup, waiting: redis_async.Redis) -> None:
        free = self.worker_count - len(self._slots)
        if free <= 0:
            self._slot_freed.clear()
            await self._slot_freed.wait()
            return
        claimed_at = self._clock.monotonic()
        answer = await self._commands.claim(
            self.worker_id, want=free, lease_ms=self._settings.lease_ms, sequence=self._sequence
        )
        self._sequence += 1
        for claim in answer.claims:
            self._occupy(group, claim, claimed_at)
        for job_id, token, problem in answer.unreadable:
            group.create_task(self._fail_unreadable(job_id, token, problem))
        if answer.code == "behind":
            await self._warn_behind()
        elif not answer.claims and not self._quiet.is_set():
            await self._wait_for_work(waiting)

    async def _wait_for_work(self, waiting: redis_async.Redis) -> None:
        """Block on the wake list; a slot that becomes free changes nothing, since there was no work."""
        async with asyncio.TaskGroup() as group:
            blocked = group.create_task(_blpop(waiting, self._commands.keys.wake))
            quiet = group.create_task(self._quiet.wait())
            await asyncio.wait({blocked, quiet}, return_when=asyncio.FIRST_COMPLETED)
            quiet.cancel()
            blocked.cancel()
        if blocked.done() and not blocked.cancelled():
            blocked.result()

    async def _warn_behind(self) -> None:
        logger.warning("recording is behind: the outbox is above its limit, so that no new job is claimed")
        await asyncio.sleep(BEHIND_SECONDS)

    def _occupy(self, group: asyncio.TaskGroup, claim: Claim, claimed_at: float) -> None:
        slot = _Slot(claim.token, asyncio.get_running_loop().create_future())
        self._slots[claim.job_id] = slot
        self._keeper.hold(claim.job_id, claim.token, claimed_at)
        group.create_task(self._work(claim, slot), name=f"job {claim.job_id}")

    async def _work(self, claim: Claim, slot: _Slot) -> None:
        try:
            await self._executor.execute(claim, slot.stop)
        except QueueError as error:
            logger.error("job {} could not be ended and will be reclaimed: {}", claim.job_id, error)
        finally:
            self._keeper.drop(claim.job_id, claim.token)
            if self._slots.get(claim.job_id) is slot:
                del self._slots[claim.job_id]
            self._slot_freed.set()

    async def _fail_unreadable(self, job_id: str, token: str, problem: str) -> None:
        spec = JobSpec(id=job_id, scraper_name="unknown", created_at=self._clock.now())
        report = AttemptReport(error=problem, error_class=FailureClass.PERMANENT.value)
        claim = Claim(spec, token, 1, 0, {})
        await self._settler.settle(Settlement(claim=claim, completed=False, report=report))

    def _on_verdict(self, job_id: str, token: str, verdict: Verdict) -> None:
        slot = self._slots.get(job_id)
        if slot is not None and slot.token == token:
            slot.ask(verdict)

    async def _listen_for_cancels(self) -> None:
        """Hear cancel requests at once; a lost message is healed by the next renewal."""
        while True:
            client = open_redis(self._url, timeout_seconds=None)
            try:
                async with client.pubsub() as channel:
                    await channel.subscribe(self._commands.keys.cancel)
                    async for message in channel.listen():
                        slot = self._slots.get(message["data"].decode()) if message["type"] == "message" else None
                        if slot is not None:
                            slot.ask("cancel")
            except (RedisError, OSError) as error:
                logger.debug("the cancel channel was cut: {}", error)
                await asyncio.sleep(TROUBLE_SECONDS)
            finally:
                await client.aclose()

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
                slots=self.worker_count,
                running=len(self._slots),
                state="draining" if self._quiet.is_set() else "working",
                scrapers=self._registry.names(),
            )
        )


class _Slot:
    """One attempt that runs here; `stop` gets the reason why it must end early."""

    def __init__(self, token: str, stop: asyncio.Future[StopReason]) -> None:
        self.token = token
        self.stop = stop

    def ask(self, reason: StopReason) -> None:
        if not self.stop.done():
            self.stop.set_result(reason)


def _in_loop(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *arguments: str) -> None:
    loop.call_soon_threadsafe(call, *arguments)


async def _blpop(redis: redis_async.Redis, key: str) -> None:
    popping: Callable[..., Awaitable[object]] = redis.blpop
    await popping([key], timeout=WAKE_SECONDS)
