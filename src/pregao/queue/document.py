"""The JSON document in `:data`: the part that Python writes, and how it is read back.

The scripts write the head (status, priority, counts, times) with a fixed width and the error at the end; Python gives
the body between them. `lua/shared/document.lua` is the other half.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
import orjson

from pregao.domain.errors import InvalidInput
from pregao.domain.job import JobSpec
from pregao.domain.names import fold

INLINE_RESULT_LIMIT_BYTES = 16 * 1024
"""Results above this stay out of `:data` and are read back from PostgreSQL."""


class _Body(msgspec.Struct, frozen=True):
    id: str
    scraper_name: str
    ticker: str | None
    created_at: datetime
    max_retries: int
    metadata: dict[str, Any]
    timeout_seconds: float | None
    schedule_name: str | None
    fire_time: datetime | None
    unique_key: str | None
    retried_from: str | None
    result: msgspec.Raw
    result_omitted: bool


def body_of(spec: JobSpec, *, result_json: bytes | None = None) -> bytes:
    """The document's body without braces. A result over 16 KB is left out and marked so."""
    omitted = result_json is not None and len(result_json) > INLINE_RESULT_LIMIT_BYTES
    raw = b"null" if result_json is None or omitted else result_json
    body = _Body(
        spec.id,
        spec.scraper_name,
        spec.ticker,
        spec.created_at,
        spec.max_retries,
        spec.metadata,
        spec.timeout_seconds,
        spec.schedule_name,
        spec.fire_time,
        spec.unique_key,
        spec.retried_from,
        msgspec.Raw(raw),
        omitted,
    )
    return msgspec.json.encode(body)[1:-1]


def label_of(spec: JobSpec) -> bytes:
    """The scraper and the ticker as they stand in every event, without braces."""
    return orjson.dumps({"scraper_name": spec.scraper_name, "ticker": spec.ticker})[1:-1]


def request_of(spec: JobSpec) -> list[str | bytes | int]:
    """What the scripts themselves need to know of a request: id, priority, scraper, label, max_retries, unique key."""
    return [
        spec.id,
        spec.priority.value,
        fold(spec.scraper_name),
        label_of(spec),
        spec.max_retries,
        spec.unique_key or "",
    ]


def new_jobs(specs: Iterable[JobSpec]) -> list[str | bytes | int]:
    """Jobs as the scripts take them: the request and the body of each."""
    return [part for spec in specs for part in (*request_of(spec), body_of(spec))]


def read_document(document: bytes) -> tuple[JobSpec, dict[str, Any]]:
    """The request and the whole document. Raises ValueError when it is not one."""
    try:
        return msgspec.json.decode(document, type=JobSpec), orjson.loads(document)
    except (msgspec.MsgspecError, orjson.JSONDecodeError, InvalidInput) as error:
        raise ValueError(f"the job's document cannot be read: {error}") from error
