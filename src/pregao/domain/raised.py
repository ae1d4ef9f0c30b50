"""An exception of somebody else's code, read without trusting it: its types, and what it knows of an HTTP answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pregao.domain.classification import Attributes, Classified, classified
from pregao.domain.failure import FailureClass

_LINKS = 8
_STATUS_NAMES = ("status_code", "status", "http_status", "code")


def classify_raised(error: BaseException, text: str) -> Classified:
    """The class of what a scraper raised; `text` is its message in words.

    What it was raised from is asked where it says nothing itself: `raise RuntimeError("failed") from error`.
    """
    own = classified(type_names(error), text, attributes_of(error))
    if own.failure_class is not FailureClass.ERROR:
        return own
    for cause in _causes(error):
        found = classified(type_names(cause), _text(cause), attributes_of(cause))
        # A bug that the scraper caught and translated is none any more.
        if found.failure_class not in (FailureClass.ERROR, FailureClass.BUG):
            return found
    return own


def type_names(error: BaseException) -> tuple[str, ...]:
    """The names of an exception's type and of all that it derives from, nearest first."""
    return tuple(cls.__name__ for cls in type(error).__mro__)


def attributes_of(thing: object) -> Attributes:
    """The HTTP status and headers that an exception carries, on itself or on its `response`."""
    response = _get(thing, "response")
    status = next((found for source in (response, thing) if (found := _status(source)) is not None), None)
    for source in (response, thing):
        headers = _headers(_get(source, "headers"))
        if headers:
            return Attributes(status, headers.get("retry-after"), headers.get("date"))
    asked = _get(thing, "retry_after")
    return Attributes(status, str(asked) if _is_number(asked) else None)


def attributes_in(metadata: Mapping[str, Any]) -> Attributes:
    """The same from the metadata of a result: `status_code` and `retry_after`."""
    status = next((found for name in _STATUS_NAMES if (found := _as_status(metadata.get(name))) is not None), None)
    asked = metadata.get("retry_after")
    return Attributes(status, None if asked is None else str(asked))


def _status(source: object) -> int | None:
    return next((found for name in _STATUS_NAMES if (found := _as_status(_get(source, name))) is not None), None)


def _as_status(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:4])
    # An IntEnum is a number as well.
    return int(value) if isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599 else None


def _headers(headers: object) -> dict[str, str]:
    """Retry-After and Date in lower case; empty for what is no mapping."""
    try:
        pairs = [(str(name).lower(), str(value)) for name, value in _items(headers)]
    except Exception:  # noqa: BLE001 - the exception's own code runs here, and headers are only a help
        return {}
    return {name: value for name, value in pairs if name in ("retry-after", "date")}


def _items(headers: object) -> Any:
    items = getattr(headers, "items", None)
    return items() if callable(items) else ()


def _get(source: object, name: str) -> object:
    try:
        return getattr(source, name, None)
    except Exception:  # noqa: BLE001 - a property of the exception's own
        return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | str) and not isinstance(value, bool) and str(value).strip() != ""


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - the exception's own code
        return ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """What an exception was raised from, nearest first; the members of a group count as its causes."""
    seen = {id(error)}
    waiting = _next_links(error)
    while waiting and len(seen) <= _LINKS:
        link = waiting.pop(0)
        if id(link) not in seen:
            seen.add(id(link))
            yield link
            waiting += _next_links(link)


def _next_links(error: BaseException) -> list[BaseException]:
    members = list(error.exceptions) if isinstance(error, BaseExceptionGroup) else []
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return [*members, *([cause] if cause is not None else [])]


def classify_reported(failure_class: object, message: str, metadata: object) -> Classified:
    """The class of a failure that a scraper returned: the one that it gives, else what its text and metadata say.

    Raises ValueError for a `failure_class` that is none.
    """
    if failure_class is not None:
        return Classified(FailureClass(str(failure_class)))
    return classified((), message, attributes_in(metadata) if isinstance(metadata, Mapping) else None)
