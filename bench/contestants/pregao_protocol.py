"""Pregão's scripts without its worker: claim and settle in batches of 200. The floor that the worker stands on."""

from __future__ import annotations

import asyncio

from bench.contestants.pregao import Bench, Pregao
from pregao.queue.facts import AttemptReport
from pregao.queue.messages import Settlement

BATCH = 200
LEASE_MS = 15_000


class PregaoProtocol(Pregao):
    """One loop: claim, run, settle."""

    slots = BATCH
    settings = "claim and settle in batches of 200, no worker"

    async def work(self) -> None:
        """Until the queue is empty, then for ever nothing."""
        sequence = 0
        report = AttemptReport(response_time_seconds=0.0, source="bench")
        while True:
            answer = await self._commands.claim("bench", want=BATCH, lease_ms=LEASE_MS, sequence=sequence)
            sequence += 1
            if not answer.claims:
                break
            for claim in answer.claims:
                await Bench.handler(int(claim.spec.ticker or 0))
            await self._commands.settle(
                [Settlement(claim=claim, completed=True, report=report, result_json=b"null") for claim in answer.claims]
            )
        await asyncio.Event().wait()


CONTESTANT = PregaoProtocol
