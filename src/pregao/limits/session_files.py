"""Whether a file of cookies still logs in: it is there, young enough, and what is in it has not expired."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import msgspec
import orjson

from pregao.configuration.watched_file import stamp_of
from pregao.domain.clock import market_iso
from pregao.limits.values import SessionFile

_EXPIRY_NAMES = ("expires", "expirationDate", "expiry", "expiration", "expires_at")
_SIZE_LIMIT = 4 * 1024 * 1024
_MILLISECONDS = 1e11
"""Seconds since 1970 beyond this would be after the year 5000: such a number counts milliseconds."""


class Cookie(msgspec.Struct, frozen=True):
    """One cookie; `expires` None lasts for a session, of whose end the file does not know."""

    name: str
    expires: datetime | None


class Content(msgspec.Struct, frozen=True):
    """What was read from a file; `stamp` tells whether it was written since."""

    stamp: tuple[int, int, int]
    blank: bool
    cookies: dict[str, Cookie]


KnownFiles = dict[Path, Content]


def look_at(file: SessionFile, directory: Path, now: datetime, known: KnownFiles | None = None) -> str | None:
    """Why a session file does not log in, None when it may. A relative path is below `directory`.

    What is in `known` is read again only when it was written since; what was read is put there.
    """
    path = directory / Path(file.path).expanduser()
    try:
        status = path.stat()
        if status.st_size > _SIZE_LIMIT:
            return f"{path} is larger than {_SIZE_LIMIT >> 20} MB: that is no file of cookies"
        stamp = status.st_mtime_ns, status.st_size, status.st_ino
        content = None if known is None else known.get(path)
        if content is None or content.stamp != stamp:
            content = _content(stamp, path.read_bytes())
    except FileNotFoundError:
        return f"{path} is missing"
    except OSError as error:
        return f"{path} cannot be read: {error.strerror or error}"
    if known is not None:
        known[path] = content
    problem = _problem_in(file, content, datetime.fromtimestamp(status.st_mtime, UTC), now)
    return None if problem is None else f"{path} {problem}"


def is_known(file: SessionFile, directory: Path, known: KnownFiles) -> bool:
    """Whether `look_at` would read nothing: the file was not written since it was read."""
    path = directory / Path(file.path).expanduser()
    return path in known and stamp_of(path) == known[path].stamp


def judge(file: SessionFile, content: bytes, written_at: datetime, now: datetime) -> str | None:
    """What is wrong with a file that was read, None when it may log in. Pure.

    Of cookies that nobody named, one that has not expired is enough: most of a site's are not about the login.
    """
    return _problem_in(file, _content((0, 0, 0), content), written_at, now)


def _content(stamp: tuple[int, int, int], content: bytes) -> Content:
    return Content(stamp, not content.strip(), {cookie.name: cookie for cookie in cookies_in(content)})


def _problem_in(file: SessionFile, content: Content, written_at: datetime, now: datetime) -> str | None:
    if content.blank:
        return "is empty"
    if file.max_age_days is not None and now - written_at > timedelta(days=file.max_age_days):
        return f"was written {_day(written_at)}, more than {file.max_age_days:g} days ago"
    cookies = content.cookies
    for name in file.cookies:
        if name not in cookies:
            return f"has no cookie {name}"
        expires = cookies[name].expires
        if expires is not None and expires <= now:
            return f"has the cookie {name}, which expired {_day(expires)}"
    ends = [cookie.expires for cookie in cookies.values()]
    if not file.cookies and ends and all(end is not None and end <= now for end in ends):
        last = max(end for end in ends if end is not None)
        return f"has expired cookies only, the last one {_day(last)}"
    return None


def cookies_in(content: bytes) -> list[Cookie]:
    """The cookies of a file as browsers and tools export them, JSON or Netscape's; none of any other.

    JSON is a list of cookies, or an object with `cookies` (Playwright's storage state), or names with values.
    """
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        return list(_netscape(content.decode("utf-8", "replace")))
    listed = document.get("cookies", document) if isinstance(document, Mapping) else document
    if isinstance(listed, Mapping):
        return [Cookie(str(name), None) for name in listed]
    if not isinstance(listed, list):
        return []
    return [Cookie(str(item["name"]), _expiry(item)) for item in listed if isinstance(item, Mapping) and "name" in item]


def _netscape(text: str) -> Iterator[Cookie]:
    """Lines of domain, subdomains, path, secure, expiry in seconds (0: session), name, value."""
    for line in text.splitlines():
        fields = line.removeprefix("#HttpOnly_").split("\t")
        if len(fields) >= 6 and not fields[0].startswith("#"):
            yield Cookie(fields[5], _moment(fields[4]))


def _expiry(cookie: Mapping[str, Any]) -> datetime | None:
    return next((_moment(cookie[name]) for name in _EXPIRY_NAMES if cookie.get(name) is not None), None)


def _moment(value: object) -> datetime | None:
    """Seconds or milliseconds since 1970, or a date as text; None for a session (0, -1) and what cannot be read."""
    try:
        seconds = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else 0.0
    except ValueError:
        return _written(str(value))
    seconds = seconds / 1000 if seconds > _MILLISECONDS else seconds
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    except (ValueError, OverflowError, OSError):
        return None  # so far away that no calendar has it


def _written(text: str) -> datetime | None:
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(text)
        except ValueError:
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def _day(moment: datetime) -> str:
    return f"on {(market_iso(moment) or '')[:16].replace('T', ' at ')}"
