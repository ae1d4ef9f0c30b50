"""What a failure of somebody else's scraper means: its class, read from what it raised or said.

Such a scraper hides how its source answered. The first of these that says something decides:

1. the HTTP status that an exception carries, or that its text names;
2. the name of its type, or of one that it derives from;
3. words in its text, in English and Portuguese.

Pure: (type names, text, attributes) → class and the seconds after which the source wants to be asked again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec

from pregao.domain.failure import FailureClass
from pregao.domain.failure_words import class_of_words

_READ = 4_000
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s\"'<>)\]]+")


class Attributes(msgspec.Struct, frozen=True):
    """What an exception carries beside its text: an HTTP status, and the headers Retry-After and Date."""

    status: int | None = None
    retry_after: str | None = None
    date: str | None = None


class Classified(msgspec.Struct, frozen=True):
    """The class of a failure, and what its source asked for; None when it asked for nothing."""

    failure_class: FailureClass
    retry_after_seconds: float | None = None


def classified(type_names: Sequence[str], text: str, attributes: Attributes | None = None) -> Classified:
    """Judge one failure. `type_names` are the exception's type and its bases, nearest first; none for a mere text.

    ERROR when nothing is known.
    """
    attributes = attributes or Attributes()
    words = _URL.sub("<url>", " ".join(text[:_READ].lower().split()))
    status = attributes.status or _status_in(words)
    wait = retry_after_seconds(attributes.retry_after, attributes.date)
    if wait is None:
        wait = _wait_in(words)
    found = _of_status(status, wait) or _of_types(type_names, words) or class_of_words(words) or FailureClass.ERROR
    asked = found in (FailureClass.RATE_LIMITED, FailureClass.NETWORK, FailureClass.BLOCKED)
    return Classified(found, wait if asked else None)


# --- status ---------------------------------------------------------------------------------------------------------

_OF_STATUS = {
    401: FailureClass.LOGIN,
    407: FailureClass.LOGIN,
    403: FailureClass.BLOCKED,
    451: FailureClass.BLOCKED,
    404: FailureClass.NOT_FOUND,
    410: FailureClass.NOT_FOUND,
    408: FailureClass.TIMEOUT,
    504: FailureClass.TIMEOUT,
    522: FailureClass.TIMEOUT,
    524: FailureClass.TIMEOUT,
    429: FailureClass.RATE_LIMITED,
    420: FailureClass.RATE_LIMITED,
}
_STATUS_TEXTS = (
    re.compile(r"\b(?:http|status|status[ _-]code|http[ _/-](?:status|error|code)(?:[ _-]code)?|error code)"
               r"(?:/[0-9.]+)?\s*(?:is|was|of|[:=])?\s*['\"(]?([1-5]\d\d)\b"),
    re.compile(r"\b(?:client|server) error '?([45]\d\d)\b"),
    re.compile(r"(?<![\w.,$-])([45]\d\d),?[ :-]+(?:too many requests|forbidden|unauthorized|not found|bad gateway"
               r"|service (?:temporarily )?unavailable|gateway time-?out|internal server error|gone|bad request"
               r"|client error|server error|proxy authentication required|request time-?out|method not allowed)"),
    re.compile(r"\breturned(?: an?)?(?: unexpected)? (?:status )?([45]\d\d)\b"),
    re.compile(r"\banswered (?:with )?([45]\d\d)\b"),
)  # fmt: skip


def _of_status(status: int | None, wait: float | None) -> FailureClass | None:
    if status is None or not 400 <= status <= 599:
        return None
    if status == 503 and wait is not None:
        return FailureClass.RATE_LIMITED
    if status in _OF_STATUS:
        return _OF_STATUS[status]
    return FailureClass.NETWORK if status >= 500 else FailureClass.PERMANENT


def _status_in(words: str) -> int | None:
    for pattern in _STATUS_TEXTS:
        if match := pattern.search(words):
            return int(match[1])
    return None


# --- Retry-After ----------------------------------------------------------------------------------------------------

_WAITS = (
    re.compile(r"retry[- _]?after['\"]?\s*(?:is|[:=])?\s*['\"]?(\d{1,7}(?:\.\d+)?)\s*([a-z]*)"),
    re.compile(r"(?:try again|retry|wait|come back|tente novamente|aguarde)(?: (?:in|after|for|em|por))?"
               r" (\d{1,7}(?:\.\d+)?)\s*(ms|[a-z]+)"),
)  # fmt: skip
_UNITS = (
    (re.compile("ms|milli"), 0.001),
    (re.compile("min"), 60.0),
    (re.compile("h"), 3600.0),
    (re.compile("d(?:ay|ia)"), 86_400.0),
    (re.compile("m$"), 60.0),
)


def retry_after_seconds(header: str | None, date_header: str | None = None) -> float | None:
    """Seconds to wait, from either form of Retry-After; None when it is absent or unreadable.

    A date counts from the answer's own Date header, so that the two clocks need not agree.

    >>> retry_after_seconds("7"), retry_after_seconds("soon"), retry_after_seconds(None)
    (7.0, None, None)
    >>> retry_after_seconds("Mon, 05 Oct 2026 12:00:30 GMT", "Mon, 05 Oct 2026 12:00:00 GMT")
    30.0
    """
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    until, sent = _http_date(text), _http_date(date_header or "")
    if until is None or sent is None:
        return None
    return max(0.0, (until - sent).total_seconds())


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _wait_in(words: str) -> float | None:
    for pattern in _WAITS:
        if match := pattern.search(words):
            unit = next((factor for name, factor in _UNITS if name.match(match[2])), 1.0)
            return float(match[1]) * unit
    return None


# --- types ----------------------------------------------------------------------------------------------------------

_BUGS = frozenset(
    {"TypeError", "AttributeError", "NameError", "ImportError", "NotImplementedError", "AssertionError", "SyntaxError"}
)
_FILES = frozenset(
    {"FileNotFoundError", "PermissionError", "IsADirectoryError", "NotADirectoryError", "FileExistsError"}
)
_NETWORK = frozenset(
    {
        "ConnectionError", "OSError", "gaierror", "SSLError", "URLError", "RemoteDisconnected", "BadStatusLine",
        "IncompleteRead", "ProtocolError", "RemoteProtocolError", "ConnectError", "NetworkError", "ProxyError",
        "ReadError", "WriteError", "CloseError", "ServerDisconnectedError", "ServerConnectionError",
        "ClientConnectionError", "ClientPayloadError", "ChunkedEncodingError", "MaxRetryError", "NewConnectionError",
    }
)  # fmt: skip


def _of_types(type_names: Sequence[str], words: str) -> FailureClass | None:
    """The first of the types that means something. What is no Exception at all (SystemExit) is a bug."""
    if type_names and "Exception" not in type_names:
        return FailureClass.BUG
    for name in type_names:
        if "timeout" in name.lower():
            return FailureClass.TIMEOUT
        if name in _BUGS:
            return FailureClass.BUG
        if name in _FILES:
            return FailureClass.LOGIN if "cookie" in words or "session" in words else FailureClass.PERMANENT
        if name in _NETWORK:
            # What a library says of a broken answer may still be a login page or a block.
            return class_of_words(words) or FailureClass.NETWORK
    return None
