"""Frames on a stream, in whatever pieces they arrive."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pregao.attempt.outcome import Completed, Failed
from pregao.domain.failure import FailureClass, failure
from pregao.isolation.framing import FRAME_LIMIT_BYTES, BadFrame, Unpacker, pack
from pregao.isolation.messages import FROM_RUNNER, TO_RUNNER, Cancel, FromRunner, Hello, Target, Task

texts = st.text(st.characters(exclude_categories=["Cs"]))
messages = st.one_of(
    st.builds(Hello, st.integers(1, 2**31)),
    st.builds(Completed, st.binary(max_size=200), st.floats(0, 1e6), st.none() | texts, st.just({"page": 1})),
    st.builds(Failed, st.builds(failure, st.sampled_from(FailureClass), texts)),
)


@given(st.lists(messages, max_size=5), st.lists(st.integers(1, 40), min_size=1))
def test_messages_come_out_as_they_went_in_however_the_stream_is_cut(sent: list[FromRunner], cuts: list[int]) -> None:
    stream = b"".join(map(pack, sent))
    unpacker: Unpacker[FromRunner] = Unpacker(FROM_RUNNER)
    received: list[FromRunner] = []
    at = 0
    while at < len(stream):
        size = cuts[at % len(cuts)]
        received += unpacker.feed(stream[at : at + size])
        at += size
    assert received == sent


@given(st.binary(max_size=300))
def test_noise_is_a_bad_frame_or_no_message_yet_and_never_anything_else(noise: bytes) -> None:
    try:
        for message in Unpacker(FROM_RUNNER).feed(noise):
            assert isinstance(message, msgspec.Struct)
    except BadFrame:
        pass


def test_a_frame_above_the_limit_is_refused_at_both_ends() -> None:
    target = Target("/srv", "scrapers.valor_scraper", "ValorScraper")
    with pytest.raises(BadFrame, match="a Task of"):
        pack(Task(target, "x" * (FRAME_LIMIT_BYTES + 1), 1.0, 1.0, "auto"))
    with pytest.raises(BadFrame, match="above the"):
        Unpacker(TO_RUNNER).feed((FRAME_LIMIT_BYTES + 1).to_bytes(4, "big"))


def test_a_message_of_another_conversation_is_a_bad_frame() -> None:
    with pytest.raises(BadFrame, match="no message that is known here"):
        Unpacker(FROM_RUNNER).feed(pack(Cancel()))
