"""Jobs that another producer wrote to Redis by itself: `:data` and an LPUSH, as the contract's keys allow."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from loguru import logger

from pregao.domain.clock import Clock
from pregao.domain.errors import InvalidInput
from pregao.domain.job import Job, JobSpec, JobStatus, spec_of
from pregao.queue.commands import QueueCommands
from pregao.queue.messages import ForeignJob


async def adopt(commands: QueueCommands, found: Sequence[ForeignJob], clock: Clock) -> int:
    """Make ours what is a job, set aside what is none; returns how many became ours. Raises as the commands do."""
    adopted = 0
    for job in found:
        try:
            spec = foreign_spec(job, clock)
        except InvalidInput as error:
            logger.error("{} in {} was pushed by another producer and is no job: {}", job.job_id, job.queue, error)
            await commands.disown(job)
            continue
        (answer,) = await commands.adopt(job.queue, [spec])
        if answer.code == "created":
            adopted += 1
            logger.info("adopted job {} ({}), which another producer pushed", job.job_id, spec.scraper_name)
        else:
            logger.warning("job {} of another producer is {}: job {} stands", job.job_id, answer.code, answer.job_id)
    return adopted


def foreign_spec(job: ForeignJob, clock: Clock) -> JobSpec:
    """The request in a document that somebody else wrote, in the shape of `Job.to_dict()`. Raises InvalidInput.

    The queue in which it was found counts, not the priority that the document names.
    """
    try:
        document = orjson.loads(job.document)
        if not isinstance(document, dict):
            raise InvalidInput(
                "data", type(document).__name__, "is not a JSON object", "write what Job.to_dict() gives"
            )
        read = Job.from_dict({**document, "priority": job.queue.value, "status": JobStatus.PENDING})
    except (orjson.JSONDecodeError, TypeError, ValueError) as error:
        raise InvalidInput(
            "data", "(the document)", f"cannot be read: {error}", "write Job.to_dict() as JSON"
        ) from None
    if read.id != job.job_id:
        raise InvalidInput("id", read.id, f"is not {job.job_id}, under which it was pushed", "use one id for both")
    return spec_of(read, read.created_at or clock.now())
