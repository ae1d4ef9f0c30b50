"""Jobs driven by hand on a real queue, for tests of what comes after a settle."""

from __future__ import annotations

import itertools
import uuid
from datetime import UTC, datetime
from typing import Any

from pregao.domain.job import JobSpec
from pregao.queue.codec import encode_result
from pregao.queue.commands import QueueCommands
from pregao.queue.facts import AttemptReport
from pregao.queue.messages import Claim, Settlement

_sequence = itertools.count(1)


def a_spec(**values: Any) -> JobSpec:
    values = {"id": str(uuid.uuid4()), "scraper_name": "B3", "ticker": "PETR4", **values}
    return JobSpec(created_at=values.pop("created_at", datetime.now(UTC)), **values)


async def claim(commands: QueueCommands, want: int = 1, job_id: str | None = None) -> list[Claim]:
    answer = await commands.claim("tester", want=want, lease_ms=60_000, sequence=next(_sequence), job_id=job_id)
    assert answer.code == "ok"
    return answer.claims


async def complete(
    commands: QueueCommands, claimed: Claim, result: object = None, *, result_json: bytes | None = None, **report: Any
) -> None:
    document = encode_result(result).document if result_json is None else result_json
    [settled] = await commands.settle(
        [Settlement(claim=claimed, completed=True, report=AttemptReport(**report), result_json=document)]
    )
    assert settled.code == "ok"


async def fail(commands: QueueCommands, claimed: Claim, *, retryable: bool = False, **report: Any) -> None:
    report = {"error": "it broke", "error_class": "error", **report}
    [settled] = await commands.settle(
        [
            Settlement(
                claim=claimed,
                completed=False,
                report=AttemptReport(**report),
                retryable=retryable,
                delay_ms=2000,
            )
        ]
    )
    assert settled.code == "ok"


async def run_one(commands: QueueCommands, spec: JobSpec, result: object = None, **report: Any) -> None:
    """Accept a job, claim it and complete it with `result`."""
    await commands.enqueue([spec])
    [claimed] = await claim(commands, job_id=spec.id)
    await complete(commands, claimed, result, **report)
