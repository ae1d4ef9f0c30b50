"""Keeping leases: a thread with its own connection renews what this process holds.

A thread, so that Python code which blocks the event loop cannot lose the leases of the jobs beside it. The same thread
ticks the queue (promote, reclaim, heal) and looks after the neighbours, for the same reason.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Literal

import msgspec
from loguru import logger

from pregao.domain.clock import Clock
from pregao.domain.errors import GenerationMissing, QueueError
from pregao.domain.lifecycle import POISON_LIMIT
from pregao.queue.arguments import BATCH_LIMIT
from pregao.queue.commands import PROMOTE_ARGUMENTS, RECLAIM_ARGUMENTS, TICK_ARGUMENTS, read_tick
from pregao.queue.connection import open_redis_for_thread
from pregao.queue.keys import Keys
from pregao.queue.neighbours import Neighbours
from pregao.queue.scripts import Argument, ThreadScripts

Verdict = Literal["cancel", "lost", "expired"]
TICK_SECONDS = 1.0


class Held(msgspec.Struct):
    """One attempt that this process holds; `deadline` is on the monotonic clock, in seconds."""

    job_id: str
    token: str
    deadline: float
    told: bool = False


class LeaseKeeper:
    """Renews leases every `renew_ms` until they are dropped, and says which attempts must stop.

    `on_verdict(job_id, token, verdict)` is called in the keeper's thread: `cancel` was requested, `lost` to someone
    else, or `expired`: the lease could not be renewed in time, so stop before somebody else starts.
    `heartbeat()` gives the facts about this worker as JSON. `on_generation_missing` is called when Redis was emptied.
    """

    def __init__(
        self,
        redis_url: str,
        keys: Keys,
        worker: str,
        *,
        lease_ms: int,
        renew_ms: int,
        clock: Clock,
        heartbeat: Callable[[], bytes],
        on_verdict: Callable[[str, str, Verdict], None],
        on_generation_missing: Callable[[], None],
        ticks: bool = True,
    ) -> None:
        self._worker = worker
        self._lease_ms = lease_ms
        self._renew_seconds = renew_ms / 1000
        self._clock = clock
        self._heartbeat = heartbeat
        self._on_verdict = on_verdict
        self._on_generation_missing = on_generation_missing
        self._ticks = ticks
        self._neighbours = Neighbours(worker)
        self._redis = open_redis_for_thread(redis_url, timeout_seconds=max(0.5, renew_ms / 2000))
        self._scripts = ThreadScripts(self._redis, keys)
        self._held: dict[str, Held] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._trouble: str | None = None

    def hold(self, job_id: str, token: str, claimed_at: float) -> None:
        """Start renewing an attempt; `claimed_at` is the monotonic time just before it was claimed."""
        with self._lock:
            self._held[token] = Held(job_id, token, claimed_at + self._lease_ms / 1000)

    def drop(self, token: str) -> None:
        """Stop renewing an attempt that was settled or given up."""
        with self._lock:
            self._held.pop(token, None)

    def start(self) -> None:
        """Start the thread; a second call does nothing."""
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name="pregao-leases", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread and its connection. What is still held goes back at once, and this worker is gone."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            self._neighbours.close()
            try:
                self._scripts.call("reclaim", BATCH_LIMIT, POISON_LIMIT, self._worker)
            except QueueError as error:
                logger.warning("this worker's entry stays until its heartbeat is old: {}", error)
        self._redis.close()

    def _run(self) -> None:
        next_renewal = 0.0
        while not self._stop.is_set():
            wait = TICK_SECONDS
            try:
                if self._clock.monotonic() >= next_renewal:
                    next_renewal = self._clock.monotonic() + self._renew_seconds
                    self._renew()
                if self._ticks:
                    wait = self._tick()
                self._note(None)
            except GenerationMissing as error:
                self._note(str(error))
                self._on_generation_missing()
            except QueueError as error:
                self._note(str(error))
                next_renewal = 0.0
            except Exception:  # noqa: BLE001 - without this thread every lease of the process is lost
                logger.exception("the thread that keeps leases met an error of its own, and goes on")
            self._give_up_expired()
            self._stop.wait(min(wait, max(0.05, next_renewal - self._clock.monotonic())))

    def _renew(self) -> None:
        with self._lock:
            held = list(self._held.values())
        asked_at = self._clock.monotonic()
        arguments: list[Argument] = [part for lease in held for part in (lease.job_id, lease.token)]
        verdicts = self._scripts.call("renew", self._worker, self._lease_ms, self._heartbeat(), *arguments)
        for lease, verdict in zip(held, verdicts, strict=True):
            if verdict == b"LOST":
                self._tell(lease, "lost")
                continue
            lease.deadline = asked_at + self._lease_ms / 1000
            if verdict == b"CANCEL":
                self._on_verdict(lease.job_id, lease.token, "cancel")

    def _tick(self) -> float:
        tick = read_tick(self._scripts.call("tick", *TICK_ARGUMENTS, self._neighbours.place))
        if tick.corrected_ms:
            logger.info(
                "the server was away, or nobody ticked, or its clock was set: leases were moved along by {:.1f} s",
                tick.corrected_ms / 1000,
            )
        if tick.expired:
            reclaimed = self._scripts.call("reclaim", *RECLAIM_ARGUMENTS)
            for job_id, state in zip(reclaimed[::2], reclaimed[1::2], strict=True):
                logger.warning("reclaimed job {}: its worker stopped renewing; now {}", job_id.decode(), state.decode())
        for worker in self._neighbours.ended(tick.neighbours):
            self._return_jobs_of(worker)
        if tick.due:
            self._scripts.call("promote", *PROMOTE_ARGUMENTS)
        if tick.next_in_ms is None:
            return TICK_SECONDS
        return min(TICK_SECONDS, tick.next_in_ms / 1000 + 0.005)

    def _return_jobs_of(self, dead_worker: str) -> None:
        returned = self._scripts.call("reclaim", BATCH_LIMIT, POISON_LIMIT, dead_worker)
        self._neighbours.returned(dead_worker)
        if returned:
            logger.warning("worker {} on this machine has died; {} jobs returned", dead_worker, len(returned) // 2)

    def _give_up_expired(self) -> None:
        """Stop attempts shortly before their lease ends, when renewing it does not succeed."""
        margin = self._renew_seconds / 2
        with self._lock:
            late = [lease for lease in self._held.values() if self._clock.monotonic() > lease.deadline - margin]
        for lease in late:
            self._tell(lease, "expired")

    def _tell(self, lease: Held, verdict: Verdict) -> None:
        if not lease.told:
            lease.told = True
            self._on_verdict(lease.job_id, lease.token, verdict)

    def _note(self, trouble: str | None) -> None:
        """Log a change of state once, not every second."""
        if trouble != self._trouble:
            if trouble is None:
                logger.info("the queue answers again")
            else:
                logger.error("leases cannot be renewed: {}", trouble)
        self._trouble = trouble
