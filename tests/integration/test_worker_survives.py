"""What must never cost more than one job: bad scrapers, outages, cuts, foreign data, stops at a bad moment."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from functools import partial

import pytest
import redis.asyncio as redis_asyncio
from tests.builders import eventually, spec, written_to_file
from tests.working import SettingsMaker, ended, has_length, open_gate, scrapes, working

from pregao.domain.clock import SystemClock
from pregao.domain.errors import QueueUnavailable
from pregao.domain.job import JobStatus
from pregao.embedded.valkey import Valkey
from pregao.queue.commands import QueueCommands
from pregao.queue.connection import open_redis
from pregao.queue.messages import Claims
from pregao.queue.views import QueueViews
from pregao.scrapers import http
from pregao.worker import inloop
from pregao.worker.processor import JobProcessor


class StandingStill(SystemClock):
    """The machine's clock, as a process sees it that was frozen for a while."""

    stood_still_seconds = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.stood_still_seconds


@pytest.mark.parametrize(
    ("argument", "status", "text"),
    [
        ("abort", JobStatus.FAILED, "Abort: out"),
        ("unprintable", JobStatus.RETRY, "Unprintable: (its text cannot be had: ValueError)"),
        ("half made", JobStatus.FAILED, "half made"),
        ("list metadata", JobStatus.COMPLETED, ""),
        ("cancels itself", JobStatus.RETRY, "cancelled itself"),
        ("cancels its task", JobStatus.RETRY, "cancelled itself"),
        ("cancels its task and returns", JobStatus.COMPLETED, None),
    ],
)
async def test_a_hostile_scraper_costs_its_own_job_and_no_other(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews, argument: str, status: JobStatus, text: str
) -> None:
    job, neighbour = spec("Hostile", argument), spec("Gated", "beside it")
    async with working(make_settings()) as processor:
        await queue.enqueue([neighbour, job])
        document = await ended(views, job, status)
        assert processor._background.running
        open_gate()
        await ended(views, neighbour, JobStatus.COMPLETED)
    if text and text != "half made":
        assert text in document["error"]


async def test_a_cleanup_that_is_no_coroutine_does_not_hide_the_result(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews
) -> None:
    job = spec("SyncCleanup", "PETR4")
    async with working(make_settings()):
        await queue.enqueue([job])
        document = await ended(views, job, JobStatus.COMPLETED)
    assert document["result"] == {"argument": "PETR4"}


async def test_a_scraper_that_ignores_its_cancellation_loses_its_slot_all_the_same(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inloop, "OBEDIENCE_SECONDS", 0.2)
    deaf, after = spec("Deaf", "PETR4", timeout_seconds=0.2), spec("Echo", "after it")
    async with working(make_settings(), slots=1) as processor:
        await queue.enqueue([deaf, after])
        document = await ended(views, deaf, JobStatus.RETRY)
        await ended(views, after, JobStatus.COMPLETED)
        assert processor.abandoned == 1
        open_gate()
        await eventually(lambda: asyncio.sleep(0, processor.abandoned), lambda left: left == 0)
    assert document["error"] == "timed out after 0.2 s"


async def test_a_result_waits_for_a_redis_that_takes_no_writes_for_a_while(
    make_settings: SettingsMaker, redis: redis_asyncio.Redis, queue: QueueCommands, views: QueueViews
) -> None:
    job = spec("Gated", "PETR4")
    async with working(make_settings()) as processor:
        await queue.enqueue([job])
        await eventually(scrapes)
        await redis.config_set("min-replicas-to-write", 1)
        try:
            open_gate()
            await eventually(lambda: asyncio.sleep(0, processor._slots.settling), lambda settling: settling == 1)
            assert await views.status(job.id) is JobStatus.RUNNING
        finally:
            await redis.config_set("min-replicas-to-write", 0)
        document = await ended(views, job, JobStatus.COMPLETED)
    assert (document["attempt"], len(await scrapes())) == (1, 1)


async def test_an_idle_worker_outlives_an_outage_of_redis(make_settings: SettingsMaker, valkey_server: Valkey) -> None:
    async with working(make_settings(REDIS_URL=valkey_server.url)) as processor, open_redis(valkey_server.url) as redis:
        await eventually(QueueViews(redis).workers)
        valkey_server.kill()
        await eventually(lambda: asyncio.sleep(0, processor._claimer._trouble))
        valkey_server.start()
        job = spec("Echo", "PETR4")
        await eventually(lambda: _accepts(QueueCommands(redis), job))
        await ended(QueueViews(redis), job, JobStatus.COMPLETED)


async def _accepts(queue: QueueCommands, job: object) -> bool:
    try:
        await queue.enqueue([job])  # type: ignore[list-item]
    except QueueUnavailable:
        return False
    return True


async def test_a_worker_outlives_a_redis_that_is_emptied_and_then_away(
    make_settings: SettingsMaker, queue: QueueCommands, redis: redis_asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = 2

    async with working(make_settings()) as processor:
        real = processor._commands.read_generation

        async def away() -> int | None:
            nonlocal failures
            if failures:
                failures -= 1
                raise QueueUnavailable
            return await real()

        monkeypatch.setattr(processor._commands, "read_generation", away)
        await redis.flushall()
        await eventually(queue.read_generation)
        assert processor._background.running


async def test_a_worker_claims_again_after_its_connection_was_cut_without_a_word(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews, silent_proxy: SilentProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("pregao.queue.woken.WAKE_SECONDS", 0.3)
    monkeypatch.setattr("pregao.queue.woken.ANSWER_SECONDS", 0.3)
    job = spec("Echo", "PETR4")
    async with working(make_settings(REDIS_URL=silent_proxy.url)):
        await eventually(lambda: silent_proxy.counted(), lambda count: count >= 3)
        silent_proxy.swallow_what_is_open()
        await queue.enqueue([job])
        # Every command that was under way has its own ten seconds, and is repeated.
        await eventually(lambda: views.status(job.id), lambda now: now is JobStatus.COMPLETED, seconds=60)


async def test_a_worker_that_stood_still_for_longer_than_a_lease_begins_nothing_that_it_claimed_before(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has these jobs by now may be as many as the limits allow."""
    settings = make_settings()
    clock = StandingStill()
    real = QueueCommands.claim

    async def frozen_before_the_answer(self: QueueCommands, *arguments: object, **named: object) -> Claims:
        answer = await real(self, *arguments, **named)  # type: ignore[arg-type]
        if answer.claims and not clock.stood_still_seconds:
            clock.stood_still_seconds = settings.lease_ms / 1000
        return answer

    monkeypatch.setattr(QueueCommands, "claim", frozen_before_the_answer)
    processor = JobProcessor(1, settings=settings, clock=clock, records=False)
    job = spec("Echo", "PETR4")
    await queue.enqueue([job])
    await processor.start()
    document = await ended(views, job, JobStatus.COMPLETED)
    await processor.stop()
    assert await scrapes() == ["PETR4"]
    assert (document["attempt"], document["retry_count"], document["lost_count"]) == (2, 0, 0)


async def test_jobs_of_a_claim_whose_answer_is_under_way_at_the_stop_are_not_left_running(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answer_now = asyncio.Event(), asyncio.Event()
    real = QueueCommands.claim

    async def slow(self: QueueCommands, *arguments: object, **named: object) -> Claims:
        answer = await real(self, *arguments, **named)  # type: ignore[arg-type]
        if answer.claims and not asked.is_set():
            asked.set()
            await answer_now.wait()
            raise QueueUnavailable
        return answer

    monkeypatch.setattr(QueueCommands, "claim", slow)
    processor = JobProcessor(1, settings=make_settings(), records=False)
    job = spec("Gated", "PETR4")
    await queue.enqueue([job])
    await processor.start()
    await asked.wait()
    async with asyncio.TaskGroup() as group:
        group.create_task(processor.stop())
        await eventually(lambda: asyncio.sleep(0, processor._claimer.is_quiet))
        answer_now.set()
    document = await views.document(job.id)
    assert document is not None
    assert (document["status"], document["lost_count"]) == ("pending", 0)
    assert await scrapes() == []


async def test_a_worker_never_runs_more_than_its_slots_when_redis_is_emptied_under_it(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews, redis: redis_asyncio.Redis
) -> None:
    job = spec("Gated", "PETR4")
    async with working(make_settings(PREGAO_LEASE_MS="900"), slots=2) as processor:
        await queue.enqueue([job])
        await eventually(scrapes)
        await redis.flushall()
        await eventually(queue.read_generation)
        await queue.enqueue([job])
        await eventually(scrapes, lambda seen: len(seen) == 2)
        await eventually(lambda: asyncio.sleep(0, len(processor._slots)), lambda taken: taken == 1)
        open_gate()
        await ended(views, job, JobStatus.COMPLETED)


async def test_a_document_that_is_no_request_fails_its_job_and_nothing_else(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews, redis: redis_asyncio.Redis
) -> None:
    bad, good = spec("Echo", "bad"), spec("Echo", "good")
    await queue.enqueue([bad, good])
    document = await redis.get(f"scraper:job:{bad.id}:data")
    await redis.set(f"scraper:job:{bad.id}:data", document.replace(b'"max_retries":3', b'"max_retries":300'))
    async with working(make_settings(), slots=1):
        await ended(views, bad, JobStatus.FAILED)
        await ended(views, good, JobStatus.COMPLETED)


async def test_a_key_of_another_type_fails_its_job_and_nothing_else(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews, redis: redis_asyncio.Redis
) -> None:
    bad, good = spec("Echo", "bad"), spec("Echo", "good")
    await queue.enqueue([bad, good])
    await redis.delete(f"scraper:job:{bad.id}:data")
    await redis.lpush(f"scraper:job:{bad.id}:data", "a list")  # type: ignore[misc]
    async with working(make_settings(), slots=1):
        await ended(views, bad, JobStatus.FAILED)
        await ended(views, good, JobStatus.COMPLETED)


async def test_garbage_on_the_cancel_channel_is_harmless(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews, redis: redis_asyncio.Redis
) -> None:
    job = spec("Echo", "PETR4")
    async with working(make_settings()):
        await eventually(lambda: redis.publish("scraper:cancel", b"\xff\x00"))
        await queue.enqueue([job])
        await ended(views, job, JobStatus.COMPLETED)


async def test_two_workers_in_one_process_do_not_close_each_others_connections(make_settings: SettingsMaker) -> None:
    async with working(make_settings(), slots=1) as first:
        await eventually(lambda: asyncio.sleep(0, len(http._users.get())), lambda users: users == 1)
        async with working(make_settings(), slots=1):
            await eventually(lambda: asyncio.sleep(0, len(http._users.get())), lambda users: users == 2)
            client = http._client("http://127.0.0.1:9")
        assert not client.is_closed
        assert first._background.running
    assert client.is_closed


async def test_a_stopped_worker_is_gone_from_the_list_at_once(make_settings: SettingsMaker, views: QueueViews) -> None:
    async with working(make_settings()):
        await eventually(views.workers, lambda workers: len(workers) == 1)
    assert await views.workers() == []


async def test_an_attempt_whose_lease_could_not_be_renewed_is_given_back_and_counts_as_no_loss(
    make_settings: SettingsMaker, valkey_server: Valkey
) -> None:
    job = spec("Gated", "PETR4")
    settings = make_settings(REDIS_URL=valkey_server.url, PREGAO_LEASE_MS="1500")
    async with open_redis(valkey_server.url) as redis, working(settings, slots=1) as processor:
        await QueueCommands(redis).enqueue([job])
        await eventually(scrapes)
        await written_to_file(redis)
        valkey_server.kill()
        (slot,) = processor._slots._taken.values()
        async with asyncio.timeout(20):
            assert await asyncio.shield(slot.stop) == "expired"
        valkey_server.start()
        await eventually(scrapes, partial(has_length, 2))
        document = await eventually(lambda: QueueViews(redis).document(job.id))
        assert document is not None
        assert (document["attempt"], document["lost_count"]) == (2, 0)


class SilentProxy:
    """A TCP proxy that can stop answering on the connections it has, as a cut cable does."""

    def __init__(self, upstream: str) -> None:
        host, _, port = upstream.removeprefix("redis://").partition("/")[0].partition(":")
        self._upstream = host, int(port)
        self._mute: set[int] = set()
        self._open: set[int] = set()
        self._server: asyncio.Server | None = None
        self.url = ""

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, family=socket.AF_INET)
        self.url = f"redis://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/0"

    async def counted(self) -> int:
        return len(self._open)

    def swallow_what_is_open(self) -> None:
        """From now on nothing passes on the connections that exist; new ones work."""
        self._mute |= self._open

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = id(writer)
        self._open.add(number)
        up_reader, up_writer = await asyncio.open_connection(*self._upstream)
        try:
            async with asyncio.TaskGroup() as group:
                there = group.create_task(self._pump(number, reader, up_writer))
                back = group.create_task(self._pump(number, up_reader, writer))
                await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
                there.cancel()
                back.cancel()
        finally:
            self._open.discard(number)
            writer.close()
            up_writer.close()

    async def _pump(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                if number not in self._mute:
                    writer.write(data)
        except OSError:
            return

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()


@pytest.fixture
async def silent_proxy(redis_url: str) -> AsyncIterator[SilentProxy]:
    proxy = SilentProxy(redis_url)
    await proxy.start()
    yield proxy
    await proxy.stop()
