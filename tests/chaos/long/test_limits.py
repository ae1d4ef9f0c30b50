"""Limits of websites hold over many workers, while these and Valkey die: the website's own log is the witness."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from tests.builders import eventually, spec
from tests.chaos.long.asking import ALL, HOSTS, SOURCE_PORT
from tests.chaos.long.attempts import Asked, Attempt, joined, read_attempts
from tests.chaos.long.source import Source, most_at_once, most_within, running_source
from tests.chaos.long.system import LEASE_SECONDS, System

from pregao.domain.job import JobPriority, JobSpec

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

ALPHA, BRAVO, CHARLIE, DELTA = sorted(set(HOSTS.values()))
WORKERS, SLOTS = 5, 10
CAP, PER_SECOND, PER_MINUTE = 3, 30, 10
GATHERED = WORKERS * SLOTS - 2 * CAP - 2
"""Slots that are open to others when both limited hosts have all that they may; two may be changing hands."""
CHARLIES = 300
"""So many jobs that some are left when the host is asked at full speed again."""
SLOW_DISTANCE_SECONDS = 0.5
"""Between two starts after one complaint; it doubles with each further one."""
RECOVERY_SECONDS = 60.0


@pytest.fixture
async def source(system: System, tmp_path: Path) -> AsyncIterator[Source]:
    async with running_source(tmp_path, system.chance.random()) as source:
        yield source


async def start_workers(system: System, source: Source, home: Path, hosts: str) -> None:
    """Fifty slots, and a file that declares which hosts the scrapers ask, and what those hosts take."""
    names = defaultdict(list)
    for scraper, host in HOSTS.items():
        names[host].append(scraper)
    scrapers = "".join(f"  {scraper}: {{hosts: [{host}]}}\n" for scraper, host in HOSTS.items())
    limits = home / "scrapers.yaml"
    limits.write_text(f"scrapers:\n{scrapers}hosts:\n{hosts}")
    system.prepare(
        PREGAO_SCRAPERS=ALL,
        PREGAO_SCRAPERS_FILE=str(limits),
        SCRAPER_CONCURRENT_JOBS=str(SLOTS),
        **{SOURCE_PORT: str(source.port)},
    )
    await system.start_workers(WORKERS)


def jobs_of(system: System, scrapers: tuple[str, ...], count: int) -> list[JobSpec]:
    """Jobs of these scrapers at random, each with a ticker of its own; one in ten has another priority."""
    kinds = [JobPriority.NORMAL] * 18 + [JobPriority.HIGH, JobPriority.LOW]
    return [
        spec(name, f"{name}{number:05}", priority=system.chance.choice(kinds), max_retries=0)
        for number in range(count)
        for name in [system.chance.choice(scrapers)]
    ]


async def until_asked(source: Source, host: str, count: int, *, seconds: float = 180) -> None:
    """Wait until a host was asked that often."""

    async def asked() -> int:
        return len(source.requests(host))

    await eventually(asked, lambda asked: asked >= count, seconds=seconds, what=f"{count} requests of {host}")


async def until_known_to_complain(system: System, host: str) -> None:
    """Wait until the queue was told of a refusal: no worker's death makes it forget that."""

    async def known() -> bool:
        return bool(await system.redis.hexists("scraper:slow", f"host:{host}"))

    await eventually(known, seconds=60, what=f"a complaint of {host}")


async def worker_that_asks(system: System, source: Source, host: str) -> subprocess.Popen[bytes]:
    """A live worker whose request to a host is under way."""

    async def find() -> list[subprocess.Popen[bytes]]:
        live = [process for process in system.fleet.processes if process.poll() is None]
        return [process for process in live if source.asks(process.pid, host)]

    return system.chance.choice(await eventually(find, seconds=60, what=f"a request of {host}"))


# --- faults ------------------------------------------------------------------------------------------------------


async def kill_who_asks(system: System, source: Source, host: str) -> None:
    """SIGKILL, and a new worker in its place."""
    victim = await worker_that_asks(system, source, host)
    victim.kill()
    system.note_death(victim.pid, "kill -9")
    victim.wait()
    system.fleet.start()


async def freeze_who_asks(system: System, source: Source, host: str) -> None:
    """SIGSTOP until its jobs have been taken away and given to others, then SIGCONT."""
    victim = await worker_that_asks(system, source, host)
    victim.send_signal(signal.SIGSTOP)
    system.note_death(victim.pid, "SIGSTOP past the lease")
    await asyncio.sleep(LEASE_SECONDS + 2)
    victim.send_signal(signal.SIGCONT)


async def restart_valkey(system: System) -> None:
    """A clean end, so that nothing is forgotten, a second without a server, and a start."""
    system.valkey.stop()
    system.entry.fault("Valkey restart")
    await asyncio.sleep(1)
    system.valkey.start()


# --- a host that takes so many at once, and so many in a time --------------------------------------------------------


async def test_a_hosts_limits_are_never_exceeded(system: System, source: Source, tmp_path: Path) -> None:
    await source.takes(ALPHA, 20, 160)
    await source.gathers(BRAVO, GATHERED)
    await source.takes(BRAVO, 50, 150)
    await source.takes(DELTA, 100, 200)
    waiting = jobs_of(system, ("Amber", "Azure"), system.scaled(2_000, at_least=400))
    others = jobs_of(system, ("Brown",), system.scaled(1_500, at_least=GATHERED))
    few = jobs_of(system, ("Denim",), 2 * PER_MINUTE if system.scaled(100) >= 100 else PER_MINUTE)
    for specs in (waiting, few, others):
        await system.accept(specs)
    limits = f"  {ALPHA}: {{concurrency: {CAP}, rate: {PER_SECOND}/s}}\n"
    limits += f"  {DELTA}: {{concurrency: {CAP}, rate: {PER_MINUTE}/min}}\n"
    await start_workers(system, source, tmp_path, limits)
    await until_asked(source, BRAVO, len(others))
    still_waiting = len(waiting) - len(source.requests(ALPHA))
    await break_things_while_it_is_asked(system, source, ALPHA, len(waiting))
    await system.all_recorded()
    await system.check()

    attempts = await read_attempts(system)
    asked = joined(source.requests(), attempts)
    system.entry.remarks.append(
        f"{BRAVO}, without limits: {most_at_once(source.requests(BRAVO))} of {WORKERS * SLOTS} slots at once, and all "
        f"{len(others)} jobs done while {still_waiting} of {ALPHA} waited"
    )
    assert still_waiting >= len(waiting) // 2, "jobs that wait hold no slot"
    for host, count, seconds in ((ALPHA, PER_SECOND, 1.0), (DELTA, PER_MINUTE, 60.0)):
        check_limits(system, [one for one in asked if one.request.host == host], host, count, seconds)
        starts = most_within((one.started for one in attempts if HOSTS[one.scraper] == host), seconds)
        system.entry.remarks.append(f"{host}: at most {starts} starts in any {seconds:g} s")
        assert starts <= count
    check_order(system, attempts)


async def break_things_while_it_is_asked(system: System, source: Source, host: str, jobs: int) -> None:
    """Every fault at a moment of its own, spread over the jobs that are left."""
    faults: list[Callable[[], object]] = []
    faults += [lambda: kill_who_asks(system, source, host)] * system.scaled(8, at_least=2)
    faults += [lambda: freeze_who_asks(system, source, host)] * system.scaled(3)
    faults += [lambda: restart_valkey(system)] * system.scaled(2)
    system.chance.shuffle(faults)
    already = len(source.requests(host))
    for number, fault in enumerate(faults):
        await until_asked(source, host, already + round((jobs - already) * (number + 0.5) / (len(faults) + 1)))
        await fault()


def check_limits(system: System, mine: list[Asked], host: str, count: int, seconds: float) -> None:
    """The limits of a host, as it saw its requests itself.

    What counts is what was sent for an attempt that still held its lease, and, for the rate, within the margin by which
    the queue makes the time longer: a start is what the queue can hold to the limit, and it knows nothing of how long a
    request is on its way.
    """
    margin_seconds = seconds * 0.02 + 0.05
    held = [one for one in mine if not one.outlived_its_lease]
    soon = [one.request.opened for one in held if one.late_seconds <= margin_seconds]
    at_once = most_at_once(one.request for one in held), most_at_once(one.request for one in mine)
    requests = most_within(soon, seconds), most_within((one.request.opened for one in mine), seconds)
    system.entry.remarks.append(
        f"{host}, limits {CAP} at once and {count} in {seconds:g} s: {len(mine)} requests, at most {at_once[1]} at "
        f"once ({at_once[0]} of those with a lease) and {requests[1]} in any {seconds:g} s ({requests[0]} of those in "
        f"time); {len(held) - len(soon)} were sent more than {margin_seconds * 1000:.0f} ms after their start, "
        f"{len(mine) - len(held)} after their lease"
    )
    assert at_once[0] <= CAP
    assert requests[0] <= count


def check_order(system: System, attempts: list[Attempt]) -> None:
    """The first attempts of a scraper's jobs of one priority began in the order in which the jobs were accepted."""
    place = {job.id: number for number, job in enumerate(system.jobs)}
    first = defaultdict(list)
    for attempt in attempts:
        if attempt.attempt == 1:
            first[attempt.scraper, attempt.priority].append(place[attempt.job_id])
    assert sum(len(places) for places in first.values()) == len(system.jobs)
    for kind, places in first.items():
        assert places == sorted(places), kind


# --- a host that asks to be left alone -----------------------------------------------------------------------------


async def test_a_host_that_asks_to_be_left_alone_is(system: System, source: Source, tmp_path: Path) -> None:
    """One host complains once, and is asked at full speed again later; the other one complains twice."""
    for host in (BRAVO, CHARLIE, DELTA):
        await source.takes(host, 100, 200)
    await source.refuses(CHARLIE, 5, after=40, status=429, form="seconds")
    await source.refuses(DELTA, 3, after=4, status=503, form="seconds")
    await source.refuses(DELTA, 5, after=10, status=429, form="date")
    await system.accept(jobs_of(system, ("Coral", "Cyan"), system.scaled(CHARLIES, at_least=60)))
    await system.accept(jobs_of(system, ("Denim",), 24))
    await start_workers(system, source, tmp_path, f"  {CHARLIE}: {{concurrency: 8}}\n  {DELTA}: {{concurrency: 2}}\n")
    for host in (CHARLIE, DELTA):
        await until_known_to_complain(system, host)
    await system.accept(jobs_of(system, ("Brown",), system.scaled(1_000, at_least=100)))
    await kill_who_asks(system, source, BRAVO)
    await restart_valkey(system)
    await system.all_recorded()

    attempts = await read_attempts(system)
    await system.check(sent_away=sum(attempt.outcome == "released" for attempt in attempts))
    assert await system.rows("SELECT 1 FROM jobs WHERE retry_count > 0") == [], "an attempt was spent"
    asked = joined(source.requests(), attempts)
    once, twice = check_holds(system, asked, CHARLIE), check_holds(system, asked, DELTA)
    assert (len(once), len(twice)) == (1, 2)
    recovered = check_speed_after(system, asked, CHARLIE, once[0], SLOW_DISTANCE_SECONDS)
    check_speed_after(system, asked, DELTA, twice[1], 2 * SLOW_DISTANCE_SECONDS)
    assert recovered > 4 / SLOW_DISTANCE_SECONDS or system.scaled(CHARLIES) < CHARLIES


@dataclass
class Hold:
    """A host's wish to be left alone: from when the queue knew of it, until when. Seconds since the epoch."""

    heard: float
    until: float


def check_holds(system: System, asked: list[Asked], host: str) -> list[Hold]:
    """Nobody asked a host that did not want to be asked, but those who had begun before the queue knew of it.

    Refusals that came together are one hold. One whose worker died before it could tell is not heard of.
    """
    mine = [one for one in asked if one.request.host == host]
    refused = [one for one in mine if one.request.asked_until]
    told = [one for one in refused if one.attempt.outcome == "released"]
    holds: list[Hold] = []
    for one in told:
        if holds and one.request.opened < holds[-1].until:
            holds[-1].heard = min(holds[-1].heard, one.attempt.ended)
            holds[-1].until = max(holds[-1].until, one.request.asked_until)
        else:
            holds.append(Hold(one.attempt.ended, one.request.asked_until))
    for hold in holds:
        meanwhile = [one for one in mine if hold.heard < one.request.opened < hold.until]
        under_way = [one for one in meanwhile if one.attempt.started <= hold.heard]
        others = {one.request.host for one in asked if hold.heard < one.request.opened < hold.until} - {host}
        system.entry.remarks.append(
            f"{host} asked to be left alone for {hold.until - hold.heard:.1f} s: {len(meanwhile) - len(under_way)} "
            f"requests until then, and {len(under_way)} that were under way; "
            f"meanwhile {len(others)} other hosts were asked"
        )
        assert meanwhile == under_way
    system.entry.remarks.append(f"{host} refused {len(refused)} requests, of which {len(told)} were heard of")
    return holds


def check_speed_after(system: System, asked: list[Asked], host: str, hold: Hold, distance_seconds: float) -> int:
    """A minute of starts that keep that distance; how many there were within a second afterwards."""
    starts = sorted(
        one.attempt.started for one in asked if one.request.host == host and one.attempt.started > hold.until
    )
    slow = [start for start in starts if start < hold.heard + RECOVERY_SECONDS]
    fast = starts[len(slow) :]
    shortest = min(later - earlier for earlier, later in pairwise(slow))
    system.entry.remarks.append(
        f"{host} afterwards: {len(slow)} starts, {shortest:.3f} s apart or more, and then at most "
        f"{most_within(fast, 1.0)} starts a second"
    )
    assert shortest > distance_seconds - 0.001, "the queue counts milliseconds"
    return most_within(fast, 1.0)
