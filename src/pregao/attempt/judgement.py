"""What a scraper returned or raised, judged: the same in the worker's event loop and in a process of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from pregao.attempt.outcome import Completed, Failed
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import Failure, FailureClass, clean_text, failure
from pregao.domain.raised import classify_raised, classify_reported
from pregao.queue.codec import encode_result

_INTERFACE = ("success", "data", "error")


def judge(result: Any, elapsed_seconds: float) -> Completed | Failed:
    """What `scrape()` returned, as an outcome. A result is an object with the contract's attributes, or such a dict.

    Raises what the result's own code raises when its attributes are read.
    """
    values = _attributes(result)
    missing = [name for name in _INTERFACE if name not in values]
    if missing:
        text = f"scrape() returned a {type(result).__name__} without {', '.join(missing)}; return a ScraperResult"
        return Failed(failure(FailureClass.BUG, text), elapsed_seconds)
    source = values.get("source")
    source = None if source is None else clean_text(str(source))
    metadata = values.get("metadata") or {}
    if values["success"]:
        return _completed(values["data"], elapsed_seconds, source, metadata)
    message = clean_text(str(values["error"] or "the scraper reported a failure without saying why"))
    found = classify_reported(values.get("failure_class"), message, metadata)
    problem = failure(found.failure_class, message, retry_after_seconds=found.retry_after_seconds)
    return Failed(problem, elapsed_seconds, source, _storable(metadata))


def failed_by(error: BaseException, elapsed_seconds: float) -> Failed:
    """What a scraper raised, as an outcome; a ScrapeError may carry remarks."""
    known = error.metadata if isinstance(error, ScrapeError) else {}
    return Failed(classify(error), elapsed_seconds, metadata=_storable(known))


def classify(error: BaseException) -> Failure:
    """Give a raised exception its class: a ScrapeError knows its own, any other is judged by what it says."""
    text = describe(error)
    if isinstance(error, ScrapeError):
        return Failure(error.failure_class, text, error.retryable, error.retry_after_seconds)
    found = classify_raised(error, text)
    return failure(found.failure_class, text, retry_after_seconds=found.retry_after_seconds)


def describe(error: BaseException) -> str:
    """An exception in words that can be stored; its own text may raise as well."""
    try:
        text = str(error)
    except Exception as second:  # noqa: BLE001 - a scraper's own __str__
        text = f"(its text cannot be had: {type(second).__name__})"
    return clean_text(text if isinstance(error, ScrapeError) else f"{type(error).__name__}: {text}")


def _attributes(result: Any) -> Mapping[str, Any]:
    if isinstance(result, Mapping):
        return result
    wanted = (*_INTERFACE, "source", "metadata", "failure_class")
    return {name: getattr(result, name) for name in wanted if hasattr(result, name)}


def _completed(data: Any, elapsed_seconds: float, source: str | None, metadata: Any) -> Completed | Failed:
    try:
        encoded = encode_result(data)
        kept = _with_changes(metadata, encoded.sanitised)
    except Exception as error:  # noqa: BLE001 - conversion runs the scraper's own code
        problem = classify(error)
        if not isinstance(error, ScrapeError):
            problem = failure(FailureClass.BUG, f"the result cannot be read: {problem.message}")
        return Failed(problem, elapsed_seconds, source)
    return Completed(encoded.document, elapsed_seconds, source, kept)


def _with_changes(metadata: Any, sanitised: list[str]) -> dict[str, Any]:
    """The result's metadata as JSON values, with the places of the data that had to be changed."""
    if not metadata and not sanitised:
        return {}
    encoded = encode_result(metadata)
    value = _as_object(encoded.document)
    changed = sanitised + [f"metadata{place.removeprefix('$')}" for place in encoded.sanitised]
    return {**value, "sanitised": changed} if changed else value


def _storable(metadata: Any) -> dict[str, Any]:
    """Metadata as JSON values; a failure's metadata that cannot be stored must not hide the failure."""
    if not metadata:
        return {}
    try:
        return _as_object(encode_result(metadata).document)
    except Exception as error:  # noqa: BLE001 - conversion runs the scraper's own code
        return {"metadata_left_out": describe(error)}


def _as_object(document: bytes) -> dict[str, Any]:
    value = orjson.loads(document)
    return value if isinstance(value, dict) else {"value": value}
