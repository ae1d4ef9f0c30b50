"""The breaker of a scraper on a real queue: how it opens, tries and closes, and what people can do about it."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
import redis.asyncio as redis_asyncio
from tests.builders import spec

from pregao.domain.clock import from_ms
from pregao.queue.breakers import AUTOMATIC, Breaker, FailureRun, breaker_field
from pregao.queue.commands import QueueCommands
from pregao.queue.facts import AttemptReport
from pregao.queue.gates import Gates, read_gates
from pregao.queue.keys import Keys
from pregao.queue.messages import Claim, Settlement
from pregao.queue.views import QueueViews
from pregao.recovery import reconcile
from pregao.store.history import History
from pregao.store.recorder import Recorder

START_MS = 1_795_500_000_000
LIMIT = 3
KEYS = Keys()


class Scene:
    """A queue whose scrapers have breakers of 3 failures, by a clock that the test moves."""

    def __init__(self, redis: redis_asyncio.Redis) -> None:
        self.now_ms = START_MS
        self.queue = QueueCommands(redis, now_ms=lambda: self.now_ms)
        self.views = QueueViews(redis)
        self._redis = redis
        self._sequence = itertools.count(1)

    @property
    def now(self) -> datetime:
        return from_ms(self.now_ms)

    async def prepare(self) -> Scene:
        await self.queue.control("breaker:scraper:b3", str(LIMIT), "test")
        return self

    async def wait(self, **span: float) -> None:
        self.now_ms += timedelta(**span) // timedelta(milliseconds=1)
        await self.queue.tick()

    async def claim(self, want: int = 1) -> list[Claim]:
        reply = await self.queue.claim("w", want=want, lease_ms=10_000_000, sequence=next(self._sequence))
        return reply.claims

    async def settle(self, claim: Claim, error_class: str | None = None, *, counts: bool = True) -> None:
        report = AttemptReport(error=error_class and f"it was a {error_class}", error_class=error_class)
        settlement = Settlement(
            claim=claim, completed=error_class is None, report=report, counts=counts, result_json=b"1"
        )
        (settled,) = await self.queue.settle([settlement])
        assert settled.code == "ok"

    async def run(self, *ends: str | None) -> None:
        """A job each, which ends with a failure of that class, or completes."""
        for error_class in ends:
            await self.queue.enqueue([spec("B3")])
            (claim,) = await self.claim()
            await self.settle(claim, error_class)

    async def gates(self) -> Gates:
        """By the test's clock."""
        keys = (KEYS.control, KEYS.holds, KEYS.slow, KEYS.failures)
        return read_gates(self.now, *[await self._redis.hgetall(key) for key in keys])  # type: ignore[misc]

    async def breaker(self) -> Breaker | None:
        return (await self.gates()).breakers.get("b3")

    async def failures(self) -> FailureRun | None:
        return (await self.gates()).failures.get("b3")

    async def audit(self, pool: asyncpg.Pool) -> list[tuple[str, str, object, object]]:
        """Who, what, before and after, oldest first."""
        while await Recorder(self._redis, pool).step():
            pass
        changes = reversed(await History(pool).audit(scraper="b3"))
        return [(one["who"], one["what"], one["before"], one["after"]) for one in changes]


@pytest.fixture
async def scene(redis: redis_asyncio.Redis) -> Scene:
    return await Scene(redis).prepare()


async def test_failures_of_one_class_in_a_row_open_it_and_park_the_jobs(scene: Scene) -> None:
    await scene.run("timeout", "timeout")
    assert await scene.breaker() is None
    assert await scene.failures() == FailureRun("timeout", 2)
    await scene.run("timeout")
    assert await scene.breaker() == Breaker(
        scraper="b3", state="open", since=scene.now, until=scene.now + timedelta(minutes=1), who=AUTOMATIC,
        why="it was a timeout", run=FailureRun("timeout", 3),
    )  # fmt: skip
    await scene.queue.enqueue([spec("B3"), spec("Other")])
    assert [claim.spec.scraper_name for claim in await scene.claim(5)] == ["Other"]
    assert sum((await scene.views.parked())["b3"].values()) == 1


@pytest.mark.parametrize("between", ["network", None])
async def test_another_class_or_a_result_begins_the_count_anew(scene: Scene, between: str | None) -> None:
    await scene.run("timeout", "timeout", between, "timeout", "timeout")
    assert await scene.breaker() is None


async def test_what_says_nothing_against_the_scraper_is_not_counted(scene: Scene) -> None:
    for _ in range(LIMIT):
        await scene.queue.enqueue([spec("B3")])
        (claim,) = await scene.claim()
        await scene.settle(claim, "not_found", counts=False)
    assert (await scene.breaker(), await scene.failures()) == (None, None)


async def test_when_its_time_is_over_one_job_tries_and_closes_it(scene: Scene) -> None:
    await scene.run(*["timeout"] * LIMIT)
    await scene.queue.enqueue([spec("B3") for _ in range(4)])
    await scene.wait(seconds=59)
    assert await scene.claim(4) == []
    await scene.wait(seconds=1)
    probing = await scene.breaker()
    assert probing is not None
    assert probing.state == "probing"
    (probe,) = await scene.claim(4)
    assert await scene.claim(4) == [], "one at a time"
    await scene.settle(probe)
    assert await scene.breaker() is None
    assert len(await scene.claim(4)) == 3


async def test_a_job_that_fails_while_it_tries_opens_it_for_twice_as_long_and_it_says_since_when(scene: Scene) -> None:
    await scene.run(*["timeout"] * LIMIT)
    opened = scene.now
    for minutes in (2, 4, 8, 15, 15):
        breaker = await scene.breaker()
        assert breaker is not None
        assert breaker.until is not None
        scene.now_ms = int(breaker.until.timestamp() * 1000)
        await scene.run("timeout")
        again = await scene.breaker()
        assert again is not None
        assert (again.since, again.until) == (opened, scene.now + timedelta(minutes=minutes))
    assert again.run == FailureRun("timeout", LIMIT + 5)


async def test_a_result_of_a_job_that_was_under_way_closes_one_that_opened_by_itself(scene: Scene) -> None:
    await scene.queue.enqueue([spec("B3")])
    (running,) = await scene.claim()
    await scene.run(*["timeout"] * LIMIT)
    await scene.settle(running)
    assert await scene.breaker() is None


@pytest.mark.parametrize("lasting", [timedelta(minutes=30), None])
async def test_what_somebody_tripped_stays_so_whatever_was_under_way(scene: Scene, lasting: timedelta | None) -> None:
    await scene.queue.enqueue([spec("B3")])
    (running,) = await scene.claim()
    await scene.queue.breakers.trip("B3", who="ana", why="stale prices", now=scene.now, lasting=lasting)
    await scene.settle(running)
    assert await scene.breaker() == Breaker(
        scraper="b3",
        state="open",
        since=scene.now,
        until=lasting and scene.now + lasting,
        who="ana",
        why="stale prices",
    )
    await scene.queue.enqueue([spec("B3")])
    await scene.wait(minutes=29)
    assert await scene.claim() == []


async def test_what_was_tripped_for_a_time_tries_one_job_afterwards(scene: Scene) -> None:
    await scene.queue.breakers.trip("b3", who="ana", why="x", now=scene.now, lasting=timedelta(minutes=30))
    await scene.queue.enqueue([spec("B3"), spec("B3")])
    await scene.wait(minutes=30)
    (probe,) = await scene.claim(2)
    await scene.settle(probe, "network")
    breaker = await scene.breaker()
    assert breaker is not None
    assert (breaker.who, breaker.run) == (AUTOMATIC, FailureRun("network", 1))
    await scene.wait(minutes=15)
    (probe,) = await scene.claim(2)
    await scene.settle(probe)
    assert await scene.breaker() is None


async def test_a_scraper_without_a_breaker_can_be_tripped_too(redis: redis_asyncio.Redis) -> None:
    scene = Scene(redis)
    await scene.queue.breakers.trip("B3", who="ana", why="x", now=scene.now, lasting=timedelta(minutes=1))
    await scene.queue.enqueue([spec("B3")])
    assert await scene.claim() == []
    await scene.wait(minutes=1)
    (probe,) = await scene.claim()
    await scene.settle(probe)
    assert await scene.breaker() is None


async def test_a_reset_lets_the_parked_jobs_run_at_once_in_their_order(
    scene: Scene, redis: redis_asyncio.Redis
) -> None:
    await scene.run(*["timeout"] * LIMIT)
    jobs = [spec("B3", str(number)) for number in range(3)]
    await scene.queue.enqueue(jobs)
    assert await scene.claim(3) == []
    await redis.delete(KEYS.wake)
    lifted = await scene.queue.breakers.reset("B3", who="ana", hosts=False)
    assert (lifted.opened, lifted.failures, lifted.sources) == (True, FailureRun("timeout", 3), [])
    assert await redis.llen(KEYS.wake) == 1, "an idle worker is woken"  # type: ignore[misc]
    assert [claim.job_id for claim in await scene.claim(3)] == [job.id for job in jobs]


async def test_a_reset_forgets_the_failures_in_a_row(scene: Scene) -> None:
    await scene.run("timeout", "timeout")
    lifted = await scene.queue.breakers.reset("B3", who="ana", hosts=False)
    assert (lifted.opened, lifted.failures) == (False, FailureRun("timeout", 2))
    await scene.run("timeout", "timeout")
    assert await scene.breaker() is None


async def test_a_reset_of_what_is_well_changes_nothing(scene: Scene, redis: redis_asyncio.Redis) -> None:
    before = await redis.xlen(KEYS.outbox)
    lifted = await scene.queue.breakers.reset("B3", who="ana", hosts=True)
    assert (lifted.opened, lifted.failures, lifted.sources) == (False, None, [])
    assert await redis.xlen(KEYS.outbox) == before


async def test_a_reset_leaves_the_scrapers_of_others_and_pauses_alone(scene: Scene) -> None:
    for name in ("B3", "BCB"):
        await scene.queue.breakers.trip(name, who="ana", why="x", now=scene.now, lasting=None)
    await scene.queue.control("pause:scraper:b3", '0|{"who":"ana","why":"x","since":"2026-11-24T12:00:00Z"}', "ana")
    await scene.queue.breakers.reset("B3", who="ana", hosts=True)
    assert set(await scene.queue.control_fields()) == {
        "breaker:scraper:b3", breaker_field("BCB"), "pause:scraper:b3"
    }  # fmt: skip


async def test_every_opening_and_closing_is_kept_with_who_before_and_after(scene: Scene, pool: asyncpg.Pool) -> None:
    await scene.run(*["timeout"] * LIMIT)
    await scene.queue.breakers.trip("B3", who="ana", why="stale prices", now=scene.now, lasting=None)
    await scene.queue.breakers.reset("B3", who="rui", hosts=False)
    _, opened, tripped, reset, forgotten = await scene.audit(pool)
    assert [opened[:3], tripped[:2], reset[:2]] == [
        (AUTOMATIC, breaker_field("b3"), None), ("ana", breaker_field("b3")), ("rui", breaker_field("b3")),
    ]  # fmt: skip
    assert tripped[2] == opened[3]
    assert "stale prices" in str(tripped[3])
    assert (reset[2], reset[3]) == (tripped[3], None)
    assert forgotten == ("rui", "failures:scraper:b3", "timeout 3", None)


async def test_a_breaker_that_somebody_tripped_outlives_the_loss_of_redis(
    scene: Scene, redis: redis_asyncio.Redis, pool: asyncpg.Pool
) -> None:
    await scene.queue.breakers.trip("B3", who="ana", why="x", now=scene.now, lasting=None)
    await scene.queue.breakers.trip("BCB", who="ana", why="x", now=scene.now, lasting=None)
    await scene.queue.breakers.reset("BCB", who="ana", hosts=False)
    await scene.audit(pool)
    await redis.flushall()
    await reconcile(scene.queue, pool)
    assert set((await scene.gates()).breakers) == {"b3"}


async def test_a_breaker_that_somebody_broke_is_left_out_and_hurts_nobody(scene: Scene) -> None:
    for value in ("", "soon|{}", "0|{", "99999999999999999999|{}", '0|{"since":"2026-11-24T12:00:00"}', "0"):
        if value:
            await scene.queue.control(breaker_field("B3"), value, "somebody")
        assert (await scene.gates()).breakers == {}


class TestComplaints:
    """A source that asked to be left alone (429, Retry-After)."""

    async def complain(self, scene: Scene, hold_ms: int = 5_000) -> None:
        (claim,) = await scene.claim()
        await scene.queue.release([(claim.job_id, claim.token)], hold_ms=hold_ms)

    async def test_it_is_shown_with_its_end_its_distance_and_when_it_is_at_full_speed(self, scene: Scene) -> None:
        await scene.queue.control("hosts:scraper:b3", "b3.com.br,www.b3.com.br", "test")
        await scene.queue.enqueue([spec("B3")])
        await self.complain(scene, hold_ms=3_600_000)
        gates = await scene.gates()
        told = [(one.kind, one.name, one.level, one.distance_seconds, one.until) for one in gates.complaints]
        until = scene.now + timedelta(hours=1)
        assert told == [("host", name, 1, 0.5, until) for name in ("b3.com.br", "www.b3.com.br")]
        assert {one.full_speed_at for one in gates.complaints} == {until + timedelta(minutes=1)}
        assert gates.complaints_about("B3") == gates.complaints
        assert gates.complaints_about("BCB") == []

    @pytest.mark.parametrize("level", [1, 4, 7, 8])
    async def test_the_distance_that_is_shown_is_the_one_that_is_kept(self, scene: Scene, level: int) -> None:
        await scene.queue.enqueue([spec("B3") for _ in range(3)])
        for _ in range(level):
            await self.complain(scene, hold_ms=1)
            scene.now_ms += 40_000
        shown = (await scene.gates()).complaints[0]
        assert shown.level == min(level, 7)
        assert len(await scene.claim()) == 1
        scene.now_ms += round(shown.distance_seconds * 1000) - 1
        assert await scene.claim() == []
        scene.now_ms += 1
        assert len(await scene.claim()) == 1

    async def test_a_long_hold_does_not_use_up_the_slowing_down_after_it(self, scene: Scene) -> None:
        await scene.queue.enqueue([spec("B3") for _ in range(3)])
        await self.complain(scene, hold_ms=3_600_000)
        for _ in range(60):
            await scene.wait(minutes=1)
        (slowed,) = (await scene.gates()).complaints
        assert (slowed.until, slowed.level) == (None, 1)
        assert len(await scene.claim(3)) == 1

    async def test_full_speed_comes_when_it_was_said(self, scene: Scene) -> None:
        await scene.queue.enqueue([spec("B3")])
        for _ in range(3):
            await self.complain(scene, hold_ms=2_000)
            scene.now_ms += 10_000
        (shown,) = (await scene.gates()).complaints
        assert shown.full_speed_at is not None
        while scene.now + timedelta(seconds=1) < shown.full_speed_at:
            await scene.wait(seconds=1)
            assert (await scene.gates()).complaints
        await scene.wait(seconds=1)
        assert (await scene.gates()).complaints == []

    async def test_a_reset_lifts_what_the_scraper_s_own_source_asked_for(self, scene: Scene) -> None:
        await scene.queue.enqueue([spec("B3")])
        await self.complain(scene)
        assert await scene.claim() == []
        lifted = await scene.queue.breakers.reset("B3", who="ana", hosts=False)
        assert lifted.sources == ["scraper b3"]
        assert len(await scene.claim()) == 1

    async def test_a_reset_leaves_hosts_alone_unless_it_is_asked_to(self, scene: Scene, pool: asyncpg.Pool) -> None:
        await scene.queue.control("hosts:scraper:b3", "b3.com.br", "test")
        await scene.queue.enqueue([spec("B3")])
        await self.complain(scene)
        assert (await scene.queue.breakers.reset("B3", who="ana", hosts=False)).sources == []
        assert await scene.claim() == []
        assert (await scene.queue.breakers.reset("B3", who="ana", hosts=True)).sources == ["host b3.com.br"]
        assert len(await scene.claim()) == 1
        await scene.audit(pool)
        (newest, *_) = await History(pool).audit(1)
        until = datetime.fromtimestamp((START_MS + 5_000) / 1000, UTC).isoformat()
        assert (newest["who"], newest["what"]) == ("ana", "hold:host:b3.com.br")
        assert (newest["before"], newest["after"]) == ({"until": until, "told": '{"level":1}'}, None)
