"""Whether a file of cookies still logs in."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pregao.limits.session_files import Cookie, KnownFiles, cookies_in, is_known, judge, look_at
from pregao.limits.values import SessionFile

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
PAST, FUTURE = (int((NOW + timedelta(days=days)).timestamp()) for days in (-1, 7))
EXPIRED = "on 2026-11-23 at 12:00"


def netscape(**expiries: int) -> bytes:
    lines = [f".x.br\tTRUE\t/\tTRUE\t{expiry}\t{name}\tvalue" for name, expiry in expiries.items()]
    return "\n".join(["# Netscape HTTP Cookie File", "", *lines]).encode()


def exported(key: str = "expires", **expiries: Any) -> bytes:
    return json.dumps([{"name": name, "value": "v", key: expiry} for name, expiry in expiries.items()]).encode()


def why(content: bytes, *, written: timedelta = timedelta(), **file: Any) -> str | None:
    return judge(SessionFile(path="c", **file), content, NOW - written, NOW)


@pytest.mark.parametrize("content", [netscape(session=FUTURE), exported(session=FUTURE)])
def test_a_file_with_cookies_that_last_logs_in(content: bytes) -> None:
    assert why(content) is None
    assert why(content, max_age_days=7, cookies=("session",)) is None


@pytest.mark.parametrize("content", [b"", b"  \n"])
def test_an_empty_file_does_not(content: bytes) -> None:
    assert why(content) == "is empty"


def test_a_file_that_is_too_old_does_not() -> None:
    found = why(netscape(a=FUTURE), written=timedelta(days=8), max_age_days=7)
    assert found == "was written on 2026-11-16 at 12:00, more than 7 days ago"
    assert why(netscape(a=FUTURE), written=timedelta(days=6.9), max_age_days=7) is None


@pytest.mark.parametrize("content", [netscape(a=PAST, b=PAST), exported(a=PAST, b=PAST)])
def test_a_file_with_expired_cookies_only_does_not(content: bytes) -> None:
    assert why(content) == f"has expired cookies only, the last one {EXPIRED}"


@pytest.mark.parametrize("content", [netscape(a=PAST, b=FUTURE), netscape(a=PAST, b=0), exported(a=PAST, b=-1)])
def test_one_cookie_that_may_last_is_enough_when_nobody_says_which_counts(content: bytes) -> None:
    assert why(content) is None


def test_a_cookie_that_counts_has_to_be_there_and_to_last() -> None:
    content = netscape(session=PAST, other=FUTURE)
    assert why(content, cookies=("session",)) == f"has the cookie session, which expired {EXPIRED}"
    assert why(content, cookies=("token",)) == "has no cookie token"
    assert why(content, cookies=("other",)) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("expires", PAST), ("expirationDate", PAST + 0.5), ("expiry", str(PAST)), ("expires", PAST * 1000),
        ("expires_at", "2026-11-23T15:00:00Z"), ("expires", "Mon, 23 Nov 2026 15:00:00 GMT"),
        ("expires", "2026-11-23T15:00:00"),
    ],
)  # fmt: skip
def test_expiries_are_read_however_tools_write_them(key: str, value: Any) -> None:
    (cookie,) = cookies_in(exported(key, session=value))
    assert cookie.expires is not None
    assert abs((cookie.expires - (NOW - timedelta(days=1))).total_seconds()) < 1


@pytest.mark.parametrize("value", [0, -1, None, "", "soon", True, [], 1e300])
def test_a_cookie_without_a_readable_expiry_is_of_the_session(value: Any) -> None:
    assert cookies_in(exported(session=value)) == [Cookie("session", None)]


def test_a_storage_state_and_names_with_values_are_read() -> None:
    state = json.dumps({"cookies": [{"name": "a", "expires": FUTURE}], "origins": []}).encode()
    assert [cookie.name for cookie in cookies_in(state)] == ["a"]
    assert cookies_in(b'{"session": "abc", "csrf": "def"}') == [Cookie("session", None), Cookie("csrf", None)]


def test_http_only_cookies_are_no_comments() -> None:
    content = b"#HttpOnly_.x.br\tTRUE\t/\tTRUE\t%d\tsession\tv\n# a\tb\tc\td\t5\tcomment\tv" % FUTURE
    assert [cookie.name for cookie in cookies_in(content)] == ["session"]


@pytest.mark.parametrize("content", [b"\x80\x04\x95pickle", b"plain text", b"[1, 2]", b"3", b'[{"value": "x"}]'])
def test_of_another_format_only_the_age_counts(content: bytes) -> None:
    assert why(content) is None
    assert why(content, written=timedelta(days=3), max_age_days=2) is not None


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_whatever_is_in_a_file_is_judged(content: bytes) -> None:
    found = why(content, cookies=("a",))
    assert found is None or isinstance(found, str)


def test_a_file_is_looked_for_beside_its_scraper(tmp_path: Path) -> None:
    (tmp_path / "cookies").mkdir()
    (tmp_path / "cookies" / "x.txt").write_bytes(netscape(a=FUTURE))
    assert look_at(SessionFile(path="cookies/x.txt"), tmp_path, NOW) is None
    assert look_at(SessionFile(path=str(tmp_path / "cookies" / "x.txt")), Path("/nowhere"), NOW) is None


def test_a_missing_file_is_told_with_its_place(tmp_path: Path) -> None:
    assert look_at(SessionFile(path="x.txt"), tmp_path, NOW) == f"{tmp_path}/x.txt is missing"


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    assert look_at(SessionFile(path="."), tmp_path, NOW) == f"{tmp_path} cannot be read: Is a directory"


def test_the_age_of_a_file_is_that_of_its_last_writing(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(netscape(a=FUTURE))
    old = (NOW - timedelta(days=9)).timestamp()
    os.utime(path, (old, old))
    found = look_at(SessionFile(path="x.txt", max_age_days=7), tmp_path, NOW)
    assert found == f"{path} was written on 2026-11-15 at 12:00, more than 7 days ago"


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as file:
        file.truncate(5 * 1024 * 1024)
    assert (
        look_at(SessionFile(path="x"), tmp_path, NOW) == f"{tmp_path}/x is larger than 4 MB: that is no file of cookies"
    )


def test_a_file_is_read_again_only_when_it_was_written(tmp_path: Path) -> None:
    path, file = tmp_path / "x.txt", SessionFile(path="x.txt")
    known: KnownFiles = {}
    path.write_bytes(netscape(a=FUTURE))
    assert not is_known(file, tmp_path, known)
    assert look_at(file, tmp_path, NOW, known) is None
    assert is_known(file, tmp_path, known)
    later = NOW + timedelta(days=30)
    assert "expired cookies only" in (look_at(file, tmp_path, later, known) or ""), "time goes on without a read"
    path.write_bytes(b"")
    assert not is_known(file, tmp_path, known)
    assert look_at(file, tmp_path, NOW, known) == f"{path} is empty"
    path.unlink()
    assert not is_known(file, tmp_path, known)
