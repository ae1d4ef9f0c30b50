"""What a scraper returned, as JSON that Redis and PostgreSQL can both keep."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.queue.plain import DEPTH_LIMIT, PlainValues, Unstorable

RESULT_LIMIT_BYTES = 5 * 1024 * 1024

# orjson refuses more than 254 levels; wrapped in this many lists, it refuses exactly what is too deep for us.
_PADDING = 254 - DEPTH_LIMIT
_PLAIN_TYPES_ONLY = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS


class EncodedResult(msgspec.Struct, frozen=True):
    """A result's JSON. `sanitised` are the JSON paths at which something could not be kept as it was."""

    document: bytes
    sanitised: list[str]


class ResultRejected(ScrapeError):
    """The result cannot be stored; trying again would not help."""

    def __init__(self, message: str) -> None:
        """Say what is wrong with the result, and where."""
        super().__init__(message, FailureClass.VALIDATION, retryable=False)


def encode_result(data: object) -> EncodedResult:
    """Encode scraped data as JSON of at most 5 MiB that PostgreSQL takes as jsonb.

    NaN and infinities become null, NUL characters go, lone surrogates become U+FFFD: such places are listed.
    Times become ISO 8601, sets and tuples lists, bytes base64, records objects, keys strings. Raises ResultRejected
    for data that is too large, too deep (over 100 levels), cyclic, or holds an object with no JSON form.
    """
    document = _encode_if_plain(data)
    sanitised: list[str] = []
    if document is None:
        values = PlainValues()
        try:
            document = orjson.dumps(values.plain(data))
        except Unstorable as error:
            raise ResultRejected(storable_text(str(error))) from error
        sanitised = values.sanitised()
    if len(document) > RESULT_LIMIT_BYTES:
        raise ResultRejected(
            f"the result is {_mib(len(document))} of JSON ({len(document)} bytes); "
            f"the limit is {_mib(RESULT_LIMIT_BYTES)}"
        )
    return EncodedResult(document, sanitised)


def storable_text(text: str) -> str:
    """`text` without NUL characters and lone surrogates, which PostgreSQL refuses."""
    return str(PlainValues().plain(text))


def storable_object(values: dict[str, Any]) -> bytes:
    """A JSON object from loose values, such as metadata; what has no JSON form is replaced by a note that says so."""
    try:
        return encode_result(values).document
    except ResultRejected as error:
        return orjson.dumps({"rejected": storable_text(str(error))})


def _encode_if_plain(data: object) -> bytes | None:
    """The JSON of data in which nothing needs a change; None when that is not certain at a glance."""
    wrapped: object = data
    for _ in range(_PADDING):
        wrapped = [wrapped]
    try:
        document = orjson.dumps(wrapped, option=_PLAIN_TYPES_ONLY)[_PADDING:-_PADDING]
    except orjson.JSONEncodeError:
        return None
    # A null may have been a NaN, and an escaped NUL is not storable: the slow way tells them apart.
    return None if b"null" in document or b"\\u0000" in document else document


def _mib(size: int) -> str:
    return f"{size / 1024 / 1024:.1f} MiB"
