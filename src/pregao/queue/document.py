"""The JSON document in `:data`: the part that Python writes, and how it is read back.

The scripts write the head (status, priority, counts, times) with a fixed width and the error at the end; Python gives
the body between them. `lua/shared/document.lua` is the other half.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import orjson

from pregao.domain.errors import InvalidInput
from pregao.domain.job import JobSpec

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


_NO_RESULT = b',"result":null,"result_omitted":false'


def body_with_result(document: bytes, result_json: bytes | None) -> bytes | None:
    """The body of a claimed job's document, with a result in the place of none: its other fields stay as they are.

    None when the document is not one of ours.
    """
    end = document.rfind(_NO_RESULT + b',"error":')
    start = document.find(b'"id":')
    if end < 0 or not 0 <= start < end:
        return None
    if result_json is None:
        return document[start:end] + _NO_RESULT
    if len(result_json) > INLINE_RESULT_LIMIT_BYTES:
        return document[start:end] + b',"result":null,"result_omitted":true'
    return b"".join((document[start:end], b',"result":', result_json, b',"result_omitted":false'))


def label_of(spec: JobSpec) -> bytes:
    """The scraper and the ticker as they stand in every event, without braces."""
    return orjson.dumps({"scraper_name": spec.scraper_name, "ticker": spec.ticker})[1:-1]


def read_document(document: bytes) -> JobSpec:
    """The request in a document. Raises ValueError when it is not one."""
    try:
        return msgspec.json.decode(document, type=JobSpec)
    except (msgspec.MsgspecError, InvalidInput) as error:
        raise ValueError(f"the job's document cannot be read: {error}") from error
