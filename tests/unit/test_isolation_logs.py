"""What is kept of what an attempt prints."""

from __future__ import annotations

import asyncio
import os

from hypothesis import given
from hypothesis import strategies as st
from tests.builders import eventually

from pregao.isolation.logs import HEAD_BYTES, TAIL_BYTES, BoundedLog, LogPipe


@given(st.lists(st.binary(max_size=50_000), max_size=8))
def test_a_log_is_kept_whole_or_as_both_of_its_ends(pieces: list[bytes]) -> None:
    log, whole = BoundedLog(), b"".join(pieces)
    for piece in pieces:
        log.add(piece)
    text = log.text()
    if not whole:
        assert text is None
    elif len(whole) <= HEAD_BYTES + TAIL_BYTES:
        assert text == whole.decode(errors="replace").replace("\0", "")
    else:
        assert text is not None
        cut = len(whole) - HEAD_BYTES - TAIL_BYTES
        assert f"\n[… {cut} bytes left out of {len(whole)} …]\n" in text


def test_the_ends_are_the_first_and_the_last_bytes() -> None:
    log = BoundedLog()
    for letter in b"abcdef":
        log.add(bytes([letter]) * 100_000)
    text = log.text() or ""
    assert text.startswith("a" * HEAD_BYTES + "\n[…")
    assert text.endswith("…]\n" + "f" * TAIL_BYTES)


async def test_what_was_printed_before_the_end_is_there_after_it() -> None:
    pipe = LogPipe()
    os.write(pipe.writer, b"last words")
    pipe.close()
    assert pipe.log.text() == "last words"


async def test_one_that_still_prints_does_not_hold_up_the_end() -> None:
    pipe = LogPipe()
    kept = os.dup(pipe.writer)
    os.set_blocking(kept, False)
    try:
        os.write(kept, b"x" * 65536)
        pipe.close()
    finally:
        os.close(kept)
    assert pipe.log.total_bytes == 65536


async def test_a_flood_is_taken_in_unhurried_and_whole() -> None:
    pipe = LogPipe()
    flood = 3 * 1024 * 1024

    def print_on_and_on() -> None:
        for _ in range(flood // 1024):
            os.write(pipe.writer, b"x" * 1024)

    await asyncio.to_thread(print_on_and_on)
    await eventually(lambda: asyncio.sleep(0, pipe.log.total_bytes), lambda total: total == flood)
    pipe.close()
