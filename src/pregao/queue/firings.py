"""Firings: the jobs of an occurrence, or of a run by hand, with the fact that records them.

A firing with more jobs than one script call takes is begun with its first jobs and its plan. The plan says all that the
rest needs, so that any process finishes what another one began, whatever has become of the schedule since.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import redis.asyncio as redis_async
from loguru import logger
from redis.exceptions import RedisError

from pregao.domain.clock import to_ms
from pregao.domain.errors import InvalidInput
from pregao.domain.job import JobSpec
from pregao.queue.arguments import new_jobs
from pregao.queue.facts import Firing
from pregao.queue.keys import Keys
from pregao.queue.messages import FireReply
from pregao.queue.replies import translate
from pregao.queue.scripts import Scripts


class Plan(msgspec.Struct, frozen=True):
    """A firing and the request that its jobs have in common: they differ by the id and ticker that the firing lists."""

    firing: Firing
    request: JobSpec

    def specs(self) -> list[JobSpec]:
        """The jobs, in the order of the firing. Raises InvalidInput when one of them could never run."""
        pairs = zip(self.firing.job_ids, self.firing.tickers, strict=True)
        return [msgspec.structs.replace(self.request, id=job_id, ticker=ticker) for job_id, ticker in pairs]


class Started(msgspec.Struct, frozen=True):
    """A firing that was begun: its jobs, of which the first `made` are made."""

    identity: str
    firing: Firing
    specs: Sequence[JobSpec]
    made: int


class Firings:
    """Writes firings, at most `jobs_per_call` jobs at a time. All methods raise as those of QueueCommands do."""

    def __init__(self, redis: redis_async.Redis, keys: Keys, scripts: Scripts, jobs_per_call: int) -> None:
        self._redis = redis
        self._keys = keys
        self._scripts = scripts
        self._jobs_per_call = jobs_per_call

    async def begin(self, firing: Firing, specs: Sequence[JobSpec]) -> tuple[FireReply, Started | None]:
        """Make the first jobs of an occurrence and move the schedule's mark past it; then what is left to do, if any.

        Nothing is done for an occurrence that was handled before, or that lies in the future.
        """
        started = Started(f"{to_ms(firing.fire_time)}:{firing.schedule_name}", firing, specs, 0)
        fixed = (firing.schedule_name, to_ms(firing.fire_time), started.identity)
        reply = (await self._scripts.call("fire", *fixed, *self._first_arguments(started))).decode().lower()
        return reply, self._rest_of(started) if reply == "fired" else None

    async def begin_run(self, run_id: str, firing: Firing, specs: Sequence[JobSpec]) -> tuple[Firing, Started | None]:
        """Make the first jobs of a run by hand: the firing that stands for it, and what is left to do, if any.

        A run that is known stands as it was; it is another one then that may be left unfinished.
        """
        started = Started(run_id, firing, specs, 0)
        code, known = await self._scripts.call("run", run_id, *self._first_arguments(started))
        if code == b"BEGUN":
            return firing, self._rest_of(started)
        return _decode(known), await self._unfinished(run_id)

    async def known_run(self, run_id: str) -> tuple[Firing, Started | None] | None:
        """A run that was begun in the last 24 hours, and what is left of it; None when there is none."""
        try:
            known = await self._redis.get(self._keys.run(run_id))
        except RedisError as error:
            raise translate(error) from error
        return None if known is None else (_decode(known), await self._unfinished(run_id))

    async def resume(self, started: Started) -> Started | None:
        """Make the next jobs of a firing that was begun; None when it is complete."""
        until = started.made + self._jobs_per_call
        last = until >= len(started.specs)
        made = await self._scripts.call(
            "resume",
            started.identity,
            started.made,
            msgspec.json.encode(started.firing) if last else b"",
            *new_jobs(started.specs[started.made : until]),
        )
        return None if made < 0 else msgspec.structs.replace(started, made=made)

    async def finish(self, started: Started | None) -> None:
        """Make all that is left."""
        while started is not None:
            started = await self.resume(started)

    async def started(self) -> list[Started]:
        """The firings that were begun and are not complete. One that cannot be read is logged and left alone."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hgetall(self._keys.started)
            pipe.hgetall(self._keys.made)
            try:
                plans, made = await pipe.execute()
            except RedisError as error:
                raise translate(error) from error
        found = (_read(identity.decode(), plan, made.get(identity, b"none")) for identity, plan in plans.items())
        return [started for started in found if started is not None]

    async def _unfinished(self, identity: str) -> Started | None:
        return next((one for one in await self.started() if one.identity == identity), None)

    def _first_arguments(self, started: Started) -> list[Any]:
        specs = started.specs
        plan = b"" if len(specs) <= self._jobs_per_call else msgspec.json.encode(_plan_of(started))
        return [msgspec.json.encode(started.firing), plan, *new_jobs(specs[: self._jobs_per_call])]

    def _rest_of(self, started: Started) -> Started | None:
        if len(started.specs) <= self._jobs_per_call:
            return None
        return msgspec.structs.replace(started, made=self._jobs_per_call)


def _decode(firing: bytes | str) -> Firing:
    return msgspec.json.decode(firing, type=Firing)


def _plan_of(started: Started) -> Plan:
    plan = Plan(started.firing, started.specs[0])
    if plan.specs() != list(started.specs):
        raise ValueError(f"the jobs of {started.firing.schedule_name} differ by more than their ids and tickers")
    return plan


def _read(identity: str, document: bytes, made: bytes) -> Started | None:
    try:
        plan = msgspec.json.decode(document, type=Plan)
        return Started(identity, plan.firing, plan.specs(), int(made))
    except (msgspec.MsgspecError, InvalidInput, ValueError) as error:
        logger.error("the firing {} was begun and cannot be finished: {}", identity, error)
        return None
