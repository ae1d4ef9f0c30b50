"""What a scraper returned, as JSON that Redis and PostgreSQL can both keep."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import msgspec
import orjson

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.queue.plain import DEPTH_LIMIT, PlainValues, Unstorable

RESULT_LIMIT_BYTES = 5 * 1024 * 1024

_LEAVES = frozenset({str, int, bool, type(None)})
_STRINGS = frozenset({str})


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
    """The JSON of data in which nothing needs a change; None when something does."""
    if not _is_plain(data, DEPTH_LIMIT):
        return None
    try:
        document = orjson.dumps(data)
    except orjson.JSONEncodeError:  # a lone surrogate, or an integer beyond 64 bits
        return None
    return None if b"\\u0000" in document else document


def _is_plain(value: Any, levels: int) -> bool:
    """Whether `value` is made of JSON's own types only, with finite numbers, in at most `levels` levels.

    orjson is not asked: it writes NaN as null without a word, and nested tuples overflow its stack.
    """
    kind = type(value)
    if kind is dict:
        return levels > 0 and _are_plain(value.values(), levels - 1) and _STRINGS.issuperset(map(type, value))
    if kind is list:
        return levels > 0 and _are_plain(value, levels - 1)
    return kind in _LEAVES or (kind is float and math.isfinite(value))


def _are_plain(values: Iterable[Any], levels: int) -> bool:
    for value in values:
        kind = type(value)
        if kind in _LEAVES or (kind is float and math.isfinite(value)):
            continue
        if not _is_plain(value, levels):
            return False
    return True


def _mib(size: int) -> str:
    return f"{size / 1024 / 1024:.1f} MiB"
