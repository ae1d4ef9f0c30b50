"""Limits that hold whatever happens: random work on the real scripts, with a record of every start beside it."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.builders import spec

from pregao.queue.commands import QueueCommands
from pregao.queue.connection import open_redis
from pregao.queue.facts import AttemptReport
from pregao.queue.messages import Claim, Settlement

START_MS = 1_800_000_000_000
LEASE_MS = 10_000_000
WORKERS = 5
STEPS = 60


@dataclass
class Limits:
    """What is configured: per scraper (cap, rate, interval, hosts), per host (cap, rate). 0 means none."""

    scrapers: dict[str, tuple[int, tuple[int, int], int, tuple[str, ...]]]
    hosts: dict[str, tuple[int, tuple[int, int]]]

    def rules(self) -> dict[str, str]:
        found = {}
        for name, (cap, rate, interval, hosts) in self.scrapers.items():
            found[f"cap:scraper:{name}"] = str(cap) if cap else ""
            found[f"rate:scraper:{name}"] = f"{rate[0]}/{rate[1]}" if rate[0] else ""
            found[f"interval:scraper:{name}"] = str(interval) if interval else ""
            found[f"hosts:scraper:{name}"] = ",".join(hosts)
        for name, (cap, rate) in self.hosts.items():
            found[f"cap:host:{name}"] = str(cap) if cap else ""
            found[f"rate:host:{name}"] = f"{rate[0]}/{rate[1]}" if rate[0] else ""
        return {name: value for name, value in found.items() if value}


@dataclass
class Record:
    """Starts and ends as they happened, by scraper."""

    starts: list[tuple[int, str, int]] = field(default_factory=list)
    running: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)


rates = st.tuples(st.integers(0, 4), st.sampled_from([500, 2_000, 60_000]))
caps = st.integers(0, 3)
hosts = st.lists(st.sampled_from(["h1", "h2"]), unique=True, max_size=2).map(tuple)
limits = st.builds(
    Limits,
    st.fixed_dictionaries(
        {name: st.tuples(caps, rates, st.sampled_from([0, 0, 700]), hosts) for name in ("a", "b", "c")}
    ),
    st.fixed_dictionaries({name: st.tuples(caps, rates) for name in ("h1", "h2")}),
)


class Run:
    """Five workers on one queue, by a clock that the test moves."""

    def __init__(self, url: str, limits: Limits, seed: int) -> None:
        self.redis = open_redis(url)
        self.now = START_MS
        self.queue = QueueCommands(self.redis, now_ms=lambda: self.now)
        self.limits, self.random = limits, random.Random(seed)
        self.record, self.claims = Record(), list[Claim]()
        self.made: dict[str, int] = {"a": 0, "b": 0, "c": 0}
        self.sequence = 0

    async def go(self) -> None:
        await self.redis.flushall()
        await self.queue.open_generation(1)
        for name, value in self.limits.rules().items():
            await self.queue.control(name, value, "test")
        for _ in range(STEPS):
            await self.random.choice(
                [self.create, self.claim, self.claim, self.end, self.end, self.complain, self.wait]
            )()
        await self.finish()
        await self.redis.aclose()

    async def create(self) -> None:
        for _ in range(self.random.randint(1, 5)):
            name = self.random.choice("abc")
            await self.queue.enqueue([spec(name, str(self.made[name]))])
            self.made[name] += 1

    async def claim(self) -> None:
        self.sequence += 1
        worker = f"w{self.random.randrange(WORKERS)}"
        want = self.random.randint(1, 4)
        answer = await self.queue.claim(worker, want=want, lease_ms=LEASE_MS, sequence=self.sequence)
        for claim in answer.claims:
            self.start(claim)

    def start(self, claim: Claim) -> None:
        name, record = claim.spec.scraper_name, self.record
        earlier = [number for _, scraper, number in record.starts if scraper == name]
        number = int(claim.spec.ticker or 0)
        assert number in earlier or not earlier or number > max(earlier), "the order within a scraper"
        self.claims.append(claim)
        record.running[name] = record.running.get(name, 0) + 1
        record.starts.append((self.now, name, number))
        cap, rate, interval, asked = self.limits.scrapers[name]
        assert not cap or record.running[name] <= cap, "a scraper's cap"
        mine = [at for at, scraper, _ in record.starts if scraper == name]
        self.check_rate(mine, rate)
        assert not interval or len(mine) < 2 or mine[-1] - mine[-2] >= interval, "a scraper's interval"
        for host in asked:
            host_cap, host_rate = self.limits.hosts[host]
            users = [scraper for scraper, values in self.limits.scrapers.items() if host in values[3]]
            assert not host_cap or sum(record.running.get(user, 0) for user in users) <= host_cap, "a host's cap"
            self.check_rate([at for at, scraper, _ in record.starts if scraper in users], host_rate)
        for gate in asked or (name,):
            assert self.now >= record.held.get(gate, 0), "a source that asked to be left alone"

    def check_rate(self, starts: list[int], rate: tuple[int, int]) -> None:
        count, window_ms = rate
        if count:
            assert sum(at > self.now - window_ms for at in starts) <= count, "a rate"

    async def end(self) -> None:
        if self.claims:
            claim = self.claims.pop(self.random.randrange(len(self.claims)))
            self.record.running[claim.spec.scraper_name] -= 1
            done = Settlement(claim=claim, completed=True, report=AttemptReport(), result_json=b"1")
            (settled,) = await self.queue.settle([done])
            assert settled.code == "ok"

    async def complain(self) -> None:
        """A job was answered 429: it goes back to the front, and its hosts are left alone."""
        if self.claims and self.random.random() < 0.3:
            claim = self.claims.pop(self.random.randrange(len(self.claims)))
            name = claim.spec.scraper_name
            self.record.running[name] -= 1
            hold_ms = self.random.choice([100, 5_000])
            await self.queue.release([(claim.job_id, claim.token)], hold_ms=hold_ms)
            for gate in self.limits.scrapers[name][3] or (name,):
                self.record.held[gate] = max(self.record.held.get(gate, 0), self.now + hold_ms)

    async def wait(self) -> None:
        self.now += self.random.choice([1, 50, 400, 2_500])
        await self.queue.tick()

    async def finish(self) -> None:
        """Every job gets its turn, however narrow the gates; then nothing is in use any more."""
        for _ in range(3_000):
            lengths = await self.redis.llen("scraper:jobs:normal")  # type: ignore[misc]
            if not lengths and not await self.redis.exists("scraper:parked") and not self.claims:
                break
            await self.claim()
            await self.end()
            self.now += 4_000
            await self.queue.tick()
        ran = {name: {number for _, scraper, number in self.record.starts if scraper == name} for name in "abc"}
        assert ran == {name: set(range(count)) for name, count in self.made.items()}, "none is left behind"
        assert await self.redis.exists("scraper:inuse", "scraper:inuse_host", "scraper:running") == 0


@pytest.mark.timeout(300)
@given(limits=limits, seed=st.integers(0, 2**32))
@settings(
    max_examples=max(40, settings().max_examples // 10),
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_no_limit_is_ever_exceeded_and_no_job_left_behind(redis_url: str, limits: Limits, seed: int) -> None:
    asyncio.run(Run(redis_url, limits, seed).go())
