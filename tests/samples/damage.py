"""Damage done to good answers: what a parser must survive with a failure that has a class."""

from __future__ import annotations

import random
import re

from hypothesis import strategies as st

_PIECES = re.compile(rb"(<[^>]*>)")


def damaged(*bodies: bytes) -> st.SearchStrategy[bytes]:
    """One of the bodies: cut, with wrong bytes, with its tags or bytes shuffled, in another encoding; or any bytes."""
    whole = st.sampled_from(bodies)
    return st.one_of(
        st.builds(_cut, whole, st.floats(0, 1), st.floats(0, 1), st.sampled_from([b"", b"</html>"])),
        st.builds(_patched, whole, st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=40)),
        st.builds(_shuffled_tags, whole, st.integers(0, 2**32)),
        st.builds(_shuffled_bytes, whole, st.integers(0, 2**32)),
        st.builds(_encoded, whole, st.sampled_from(["utf-16", "utf-32", "utf-8-sig", "cp500", "latin-1"])),
        st.binary(max_size=300),
        st.text(max_size=300).map(lambda text: f"<html>{text}".encode("utf-8", "surrogatepass")),
    )


def _cut(body: bytes, start: float, end: float, tail: bytes) -> bytes:
    first, last = sorted((int(start * len(body)), int(end * len(body))))
    return (body[:last] if first % 2 else body[first:last]) + tail


def _patched(body: bytes, changes: list[tuple[float, int]]) -> bytes:
    patched = bytearray(body)
    for at, value in changes:
        patched[min(int(at * len(body)), len(body) - 1)] = value
    return bytes(patched)


def _shuffled_tags(body: bytes, seed: int) -> bytes:
    pieces = _PIECES.split(body)
    random.Random(seed).shuffle(pieces)
    return b"".join(pieces)


def _shuffled_bytes(body: bytes, seed: int) -> bytes:
    letters = list(body)
    random.Random(seed).shuffle(letters)
    return bytes(letters)


def _encoded(body: bytes, encoding: str) -> bytes:
    return body.decode("utf-8", "replace").encode(encoding, "replace")
