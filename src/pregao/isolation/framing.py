"""Frames on a byte stream: four bytes of length, then a message as MessagePack."""

from __future__ import annotations

import struct
from typing import Generic, TypeVar

import msgspec

from pregao.queue.codec import RESULT_LIMIT_BYTES

FRAME_LIMIT_BYTES = RESULT_LIMIT_BYTES + 1024 * 1024
"""A result at its limit, and what travels with it."""

_LENGTH = struct.Struct(">I")
_encoder = msgspec.msgpack.Encoder()

T = TypeVar("T")


class BadFrame(ValueError):
    """The other side sent what is no frame; nothing that follows on this stream can be understood."""


def pack(message: msgspec.Struct) -> bytes:
    """One message as a frame. Raises BadFrame when it is above the limit."""
    body = _encoder.encode(message)
    if len(body) > FRAME_LIMIT_BYTES:
        raise BadFrame(f"a {type(message).__name__} of {len(body)} bytes is above the {FRAME_LIMIT_BYTES} of a frame")
    return _LENGTH.pack(len(body)) + body


class Unpacker(Generic[T]):
    """Messages of one type, or one union of types, out of the pieces in which a stream arrives."""

    def __init__(self, decoder: msgspec.msgpack.Decoder[T]) -> None:
        """`decoder` knows the messages; one may serve any number of streams."""
        self._decoder = decoder
        self._buffer = bytearray()

    def feed(self, piece: bytes) -> list[T]:
        """The messages that are whole now. Raises BadFrame."""
        self._buffer += piece
        messages: list[T] = []
        start = 0
        while len(self._buffer) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer, start)
            if length > FRAME_LIMIT_BYTES:
                raise BadFrame(f"a frame of {length} bytes is above the {FRAME_LIMIT_BYTES} allowed")
            end = start + _LENGTH.size + length
            if len(self._buffer) < end:
                break
            messages.append(self._decode(start + _LENGTH.size, end))
            start = end
        del self._buffer[:start]
        return messages

    def _decode(self, start: int, end: int) -> T:
        try:
            return self._decoder.decode(bytes(self._buffer[start:end]))
        except msgspec.MsgspecError as error:
            raise BadFrame(f"a frame holds no message that is known here: {error}") from error
