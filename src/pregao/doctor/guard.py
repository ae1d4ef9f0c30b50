"""Nothing that is found may end the examination."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pregao.doctor.finding import Finding, error
from pregao.domain.errors import PregaoError


async def guarded(subject: str, looking: AsyncIterator[Finding]) -> AsyncIterator[Finding]:
    """What `looking` finds; when it breaks off, that it did is the last finding."""
    try:
        async for finding in looking:
            yield finding
    except PregaoError as reason:
        yield error(subject, f"looking at it broke off: {reason}", "see to the server, then look again")
    except Exception as reason:  # noqa: BLE001 - a doctor who faints at what he sees helps nobody: it is told instead
        told = f"looking at it broke off with {type(reason).__name__}: {reason}"
        yield error(subject, told, "something is there that Pregão never wrote: look for it, or report this")
