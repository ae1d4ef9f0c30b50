"""A worker that dies beside another one is found out at once; one that lives never is, whatever it looks like."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import msgspec
import psutil
import pytest
import redis.asyncio as redis_asyncio
from tests.builders import eventually, spec
from tests.working import SettingsMaker, ended, working

from pregao.domain.clock import SystemClock
from pregao.domain.job import JobStatus
from pregao.queue import process
from pregao.queue.commands import TICK_ARGUMENTS, QueueCommands, read_tick
from pregao.queue.keys import Keys
from pregao.queue.lease import LeaseKeeper
from pregao.queue.neighbours import Neighbours
from pregao.queue.views import QueueViews, WorkerFacts
from pregao.worker.processor import JobProcessor

AN_HOUR_MS = 3_600_000
SAYS_WHO_IT_IS = (
    "import sys, time; from pregao.queue.process import own_process; print(own_process(), flush=True); sys.stdin.read()"
)


class Neighbour:
    """A process of its own that says which one it is, and lives until it is killed."""

    def __init__(self, *wrapper: str) -> None:
        command = [*wrapper, sys.executable, "-c", SAYS_WHO_IT_IS]
        self._popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._popen.stdout is not None
        self.process = self._popen.stdout.readline().strip()
        self.place, _, self.pid_and_start = self.process.partition("/")
        self.pid = self._popen.pid

    def become(self, status: str, signal_number: signal.Signals) -> None:
        """Send a signal and wait for what it does; the process is not reaped."""
        self._popen.send_signal(signal_number)
        while psutil.Process(self.pid).status() != status:
            os.sched_yield()

    def kill(self) -> None:
        self._popen.kill()
        self._popen.communicate()

    def facts(self) -> bytes:
        return msgspec.json.encode(WorkerFacts(id="neighbour", process=self.process, slots=1))


@pytest.fixture
def neighbour() -> Iterator[Neighbour]:
    neighbour = Neighbour()
    yield neighbour
    neighbour.kill()


@pytest.fixture
def neighbours() -> Iterator[Neighbours]:
    neighbours = Neighbours("me")
    yield neighbours
    neighbours.close()


async def beat(queue: QueueCommands, facts: bytes, worker: str = "neighbour") -> None:
    await queue._scripts.call("renew", worker, AN_HOUR_MS, facts)


async def seen_by(worker: JobProcessor) -> set[str]:
    keeper = getattr(worker, "_keeper", None)
    return set() if keeper is None else set(keeper._neighbours._seen)


async def listed(queue: QueueCommands, place: str) -> dict[str, str]:
    return read_tick(await queue._scripts.call("tick", *TICK_ARGUMENTS, place)).neighbours


# --- the process ---------------------------------------------------------------------------------------------------


def test_a_process_knows_its_full_name() -> None:
    place, pid, started = process.own_process().split("/")
    assert place == process.place() != ""
    assert int(pid) == os.getpid()
    assert started.isdecimal()


def test_a_fork_has_a_name_of_its_own() -> None:
    program = (
        "import os; from pregao.queue.process import own_process; mine = own_process()\n"
        "if os.fork() == 0: os._exit(own_process() == mine)\n"
        "assert os.wait()[1] == 0"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_another_pid_namespace_is_another_place() -> None:
    inside = ("unshare", "--user", "--pid", "--fork", "--mount-proc")
    if not shutil.which("unshare") or subprocess.run([*inside, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine gives no pid namespaces away")
    contained = Neighbour(*inside)
    try:
        assert contained.place not in ("", process.place())
    finally:
        contained.kill()


@pytest.mark.parametrize("look", [process._by_pidfd, process._by_psutil])
def test_a_process_has_ended_when_it_was_killed_and_not_when_it_was_stopped(
    neighbour: Neighbour, look: Callable[[int, int], process.Sight | None]
) -> None:
    if look is process._by_pidfd and sys.platform != "linux":
        pytest.skip("pidfds are Linux's")
    start = process._started_by_psutil if look is process._by_psutil else process._started
    seen = look(neighbour.pid, start(neighbour.pid) or 0)
    assert seen is not None
    assert not seen.ended()
    neighbour.become(psutil.STATUS_STOPPED, signal.SIGSTOP)
    assert not seen.ended(), "stopped is alive"
    neighbour.become(psutil.STATUS_ZOMBIE, signal.SIGKILL)
    assert seen.ended(), "dead, although nobody has reaped it"
    neighbour.kill()
    assert seen.ended()
    seen.close()


def test_a_pid_that_was_used_again_is_another_process(neighbour: Neighbour) -> None:
    pid, started = neighbour.pid_and_start.split("/")
    assert process.sight(f"{pid}/{int(started) - 1}") is None


@pytest.mark.parametrize("name", ["", "1", "1/", "/1", "one/two", "-1/1", "1/1/1"])
def test_a_name_that_is_none_shows_no_process(name: str) -> None:
    assert process.sight(name) is None


# --- the neighbours ------------------------------------------------------------------------------------------------


def test_a_dead_neighbour_is_named_until_its_jobs_were_returned_twice(
    neighbour: Neighbour, neighbours: Neighbours
) -> None:
    there = {"neighbour": neighbour.pid_and_start}
    assert neighbours.ended(there) == []
    neighbour.kill()
    assert neighbours.ended(there) == ["neighbour"]
    assert neighbours.ended(there) == ["neighbour"], "its jobs could not be returned yet"
    neighbours.returned("neighbour")
    assert neighbours.ended({}) == ["neighbour"], "once more, for a claim that was under way"
    neighbours.returned("neighbour")
    assert neighbours.ended({}) == []


def test_who_was_never_seen_alive_is_never_given_up(neighbour: Neighbour, neighbours: Neighbours) -> None:
    """Its process may be hidden, or live in another copy of this virtual machine."""
    neighbour.kill()
    assert neighbours.ended({"neighbour": neighbour.pid_and_start}) == []


def test_the_process_that_a_supervisor_has_replaced_needs_not_to_have_been_seen(
    neighbour: Neighbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    neighbour.kill()
    monkeypatch.setenv(process.PREDECESSOR, neighbour.pid_and_start)
    successor = Neighbours("successor")
    assert successor.ended({"neighbour": neighbour.pid_and_start, "other": "1/1"}) == ["neighbour"]


def test_a_dead_neighbour_whose_jobs_somebody_else_returned_is_forgotten(
    neighbour: Neighbour, neighbours: Neighbours
) -> None:
    there = {"neighbour": neighbour.pid_and_start}
    neighbours.ended(there)
    neighbour.kill()
    assert neighbours.ended({}) == []
    assert neighbours.ended(there) == []


def test_a_worker_does_not_look_at_itself(neighbour: Neighbour) -> None:
    neighbours = Neighbours("neighbour")
    there = {"neighbour": neighbour.pid_and_start}
    neighbours.ended(there)
    neighbour.kill()
    assert neighbours.ended(there) == []


# --- in the queue --------------------------------------------------------------------------------------------------


async def test_the_tick_names_the_workers_of_one_place_only(queue: QueueCommands) -> None:
    for worker, where in (("near", "boot.pid:[1]"), ("far", "boot.pid:[2]"), ("nowhere", "")):
        await beat(queue, msgspec.json.encode(WorkerFacts(id=worker, process=where and f"{where}/7/99")), worker)
    assert await listed(queue, "boot.pid:[1]") == {"near": "7/99"}
    assert await listed(queue, "") == {}


async def test_jobs_of_a_worker_that_died_beside_another_one_come_back_long_before_their_leases_end(
    redis: redis_asyncio.Redis, redis_url: str, queue: QueueCommands, views: QueueViews, neighbour: Neighbour
) -> None:
    keeper = LeaseKeeper(
        redis_url, Keys(), "me", lease_ms=AN_HOUR_MS, renew_ms=AN_HOUR_MS, clock=SystemClock(),
        heartbeat=lambda: b"{}", on_verdict=lambda *_: None, on_generation_missing=lambda: None,
    )  # fmt: skip
    first, second = spec(), spec()
    await beat(queue, neighbour.facts())
    await queue.enqueue([first])
    await queue.claim("neighbour", want=1, lease_ms=AN_HOUR_MS, sequence=1)
    try:
        keeper._tick()
        assert await views.status(first.id) is JobStatus.RUNNING
        neighbour.kill()
        keeper._tick()
        assert await views.status(first.id) is JobStatus.PENDING
        document = await views.document(first.id)
        assert document is not None
        assert document["lost_count"] == 1, "a death counts as a lost lease: three of them are poison"
        assert b"neighbour" not in await redis.hkeys("scraper:workers")  # type: ignore[misc]
        # Its last claim reaches the server only now.
        await queue.enqueue([second])
        await queue.claim("neighbour", want=2, lease_ms=AN_HOUR_MS, sequence=2)
        keeper._tick()
        assert (await views.lengths()).total == 2
    finally:
        keeper.stop()


async def test_a_worker_sees_that_its_neighbour_died(
    make_settings: SettingsMaker, queue: QueueCommands, views: QueueViews, neighbour: Neighbour
) -> None:
    async with working(make_settings(PREGAO_LEASE_MS=str(AN_HOUR_MS))) as worker:
        await beat(queue, neighbour.facts())
        await eventually(lambda: seen_by(worker), what="seeing the neighbour")
        neighbour.kill()
        await eventually(views.workers, lambda there: [w.id for w in there] == [worker.worker_id])
        [itself] = await views.workers()
        assert itself.process == process.own_process()


POPS_A_JOB = """
import asyncio
from pregao import JobQueue

async def main():
    async with JobQueue() as queue:
        job = await queue.pop(timeout=10)
        print(job.id, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_script_that_dies_with_a_popped_job_gives_it_to_the_worker_beside_it(
    make_settings: SettingsMaker, redis_url: str, database_url: str, queue: QueueCommands, views: QueueViews
) -> None:
    job = spec("Echo")
    await queue.enqueue([job])
    lease = {"PREGAO_LEASE_MS": str(AN_HOUR_MS)}
    environ = {**os.environ, **lease, "REDIS_URL": redis_url, "DATABASE_URL": database_url}
    with subprocess.Popen([sys.executable, "-c", POPS_A_JOB], env=environ, stdout=subprocess.PIPE, text=True) as script:
        try:
            assert script.stdout is not None
            assert script.stdout.readline().strip() == job.id
            async with working(make_settings(**lease)) as worker:
                await eventually(lambda: seen_by(worker), what="seeing the script")
                script.kill()
                await ended(views, job, JobStatus.COMPLETED)
        finally:
            script.kill()
