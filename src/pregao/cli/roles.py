"""`pregao up`, and one verb for each role: `scheduler`, `worker`, `recorder`, `api`."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from functools import partial

from loguru import logger

from pregao.cli.signals import first_of, run_role, until_redis_answers
from pregao.settings import Settings


def up(command: Sequence[str] | None = None) -> int:
    """Run the complete system until it is stopped; the exit code. `command` starts a child when a role follows it."""
    from pregao import logs
    from pregao.system.up import MODULE_COMMAND, run_up

    settings = Settings.load()
    logs.configure(settings, "system")
    return run_up(settings, command=command or MODULE_COMMAND)


def demo(command: Sequence[str] | None = None, *, seed: int, fresh: bool) -> int:
    """Run the complete system on a sample market until it is stopped; the exit code."""
    from pregao.system.demo import run_demo
    from pregao.system.up import MODULE_COMMAND

    return run_demo(seed=seed, fresh=fresh, command=command or MODULE_COMMAND)


def sample_market(port: int, descriptor: int | None, seed: int, *, calm: bool) -> None:
    """Serve the sample market until it is stopped: on an open socket's `descriptor`, else on `port`."""
    listening = socket.create_server(("127.0.0.1", port)) if descriptor is None else socket.socket(fileno=descriptor)
    run_role("sample-market", partial(_sample_market, listening, seed, calm))


def scheduler() -> None:
    """Run a scheduler until it is stopped."""
    run_role("scheduler", _scheduler)


def worker(command: Sequence[str] | None = None) -> None:
    """Run a worker with its recorder until it is stopped. `command` starts a role when its name follows."""
    run_role("worker", partial(_worker, command))


def recorder() -> None:
    """Run a recorder until it is stopped."""
    run_role("recorder", _recorder)


def api() -> None:
    """Serve the API until it is stopped."""
    run_role("api", _api)


async def _sample_market(
    listening: socket.socket, seed: int, calm: bool, settings: Settings, stop: asyncio.Event
) -> None:
    from pregao.domain.clock import SystemClock
    from pregao.sample_market.server import SampleMarket, serve

    await serve(SampleMarket(seed, SystemClock(), calm=calm), listening, stop)


async def _scheduler(settings: Settings, stop: asyncio.Event) -> None:
    from pregao.scheduler.service import ScraperScheduler

    service = ScraperScheduler(settings=settings)
    await service.initialize()
    await service.start()
    try:
        await first_of(stop, service.wait())
    finally:
        await service.stop()


async def _worker(command: Sequence[str] | None, settings: Settings, stop: asyncio.Event) -> None:
    from pregao.collector import calm_collector
    from pregao.worker.processor import JobProcessor

    processor = JobProcessor(settings=settings, role_command=command)
    if not await until_redis_answers(stop, processor.initialize):
        return
    calm_collector()
    await processor.start()
    try:
        await first_of(stop, processor.wait())
    finally:
        await processor.stop()
        if abandoned := processor.abandoned:
            # Such an attempt would keep the event loop, and so this process, for ever.
            logger.error("{} attempts ignore their cancellation; ending the process under them", abandoned)
            os._exit(1)


async def _recorder(settings: Settings, stop: asyncio.Event) -> None:
    from pregao.collector import calm_collector
    from pregao.generation import GenerationKeeper
    from pregao.queue.commands import QueueCommands
    from pregao.queue.connection import open_redis
    from pregao.recovery import reconcile
    from pregao.store.pool import close_pool, open_pool
    from pregao.store.recorder import Recorder
    from pregao.store.scrubber import Scrubber

    database_url = settings.resolve_database_url()
    redis = open_redis(settings.resolve_redis_url())
    commands = QueueCommands(redis, settings.key_prefix)
    generation = GenerationKeeper(commands, database_url)
    pool = await open_pool(database_url)
    recorder = Recorder(redis, pool, settings.key_prefix, reconcile=partial(reconcile, commands, pool))
    try:
        if await until_redis_answers(stop, generation.ensure):
            calm_collector()
            await first_of(stop, recorder.run(), Scrubber(redis, settings.key_prefix).run())
    finally:
        await close_pool(pool)
        await generation.aclose()
        await redis.aclose()


async def _api(settings: Settings, stop: asyncio.Event) -> None:
    from pregao.api.app import serve

    await serve(settings, stop)
