"""The outbox stream from the recorder's side: read its head, wait for more, drop what is recorded, bury what is not."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

import msgspec
import orjson
import redis.asyncio as redis_async
from redis.exceptions import RedisError

from pregao.domain.errors import QueueUnavailable
from pregao.queue.codec import storable_text
from pregao.queue.commands import QueueCommands
from pregao.queue.facts import Fact, decode_entry, entry_size
from pregao.queue.replies import translate
from pregao.store.salvage import salvage

BATCH_ENTRIES = 2000
"""Facts of one transaction at most: most of a small one is the wait for the disk."""
BATCH_BYTES = 8 * 1024 * 1024
"""Bytes of a batch, packed or unpacked: a bound on the recorder's memory and on one statement."""
_PAGE, _PAGE_WHEN_LARGE = 500, 16
"""Entries of one call, so that no call holds up the others."""

Fields = Mapping[bytes, bytes]


class Entry(msgspec.Struct, frozen=True):
    """One entry of the stream: its id, its fields as they are, and the fact in them.

    `size_bytes` is what it counts for in `outbox_bytes`. With a `problem` the entry cannot be read whole; `fact` is
    then what could be saved of it, if anything.
    """

    entry_id: str
    fields: Fields
    size_bytes: int
    fact: Fact | None
    problem: str | None = None


class Outbox:
    """All methods raise QueueUnavailable while Redis cannot be reached."""

    def __init__(self, redis: redis_async.Redis, prefix: str) -> None:
        self._redis = redis
        self._commands = QueueCommands(redis, prefix)
        self._keys = self._commands.keys

    async def read(self) -> list[Entry]:
        """The oldest entries, at most 2,000 and, but for the first, 8 MB."""
        page = await self._page_size()
        entries: list[Entry] = []
        room, start = BATCH_BYTES, "-"
        while room > 0 and len(entries) < BATCH_ENTRIES:
            found = await answered(self._redis.xrange(self._keys.outbox, min=start, count=page))
            for entry_id, fields in found:
                entry = _decode(entry_id, fields)
                room -= max(entry.size_bytes, _unpacked_bytes(entry))
                if room < 0 and entries:
                    return entries
                entries.append(entry)
            if len(found) < page:
                break
            start = f"({entries[-1].entry_id}"
        return entries

    async def wait(self, client: redis_async.Redis, seconds: float) -> bool:
        """Block on `client`'s own connection until the outbox holds something; False when the time is up."""
        milliseconds = max(1, int(seconds * 1000))
        return bool(await answered(client.xread({self._keys.outbox: "0"}, count=1, block=milliseconds)))

    async def publish(self, events: list[dict[str, Any]]) -> None:
        """Send events, in this order."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for event in events:
                pipe.publish(self._keys.events, orjson.dumps(event))
            await answered(pipe.execute())

    async def forget(self, entries: list[Entry]) -> None:
        """Drop entries that are recorded or buried."""
        for start in range(0, len(entries), _PAGE):
            part = entries[start : start + _PAGE]
            await self._commands.forget_facts((entry.entry_id, entry.size_bytes) for entry in part)

    async def bury(self, entry: Entry, problem: str) -> None:
        """Keep a copy of an entry that cannot be recorded in `outbox:dead`, with the reason."""
        fields: dict[Any, Any] = {**entry.fields, b"error": storable_text(problem), b"entry": entry.entry_id}
        await answered(self._redis.xadd(self._keys.outbox_dead, fields))

    async def document(self, job_id: str) -> bytes | None:
        """The job's document in Redis, None when it is gone."""
        document: bytes | None = await answered(self._redis.get(self._keys.data(job_id)))
        return document

    async def _page_size(self) -> int:
        """Everything at once while the whole outbox is small; few at a time once it holds large results."""
        size = await answered(self._redis.get(self._keys.outbox_bytes))
        return _PAGE if int(size or 0) <= BATCH_BYTES else _PAGE_WHEN_LARGE


async def answered(answer: Awaitable[Any]) -> Any:
    """The answer of redis-py, or its error as one of ours. It types answers for text and bytes at once."""
    try:
        return await answer
    except RedisError as error:
        raise translate(error) from error
    except OSError as error:
        raise QueueUnavailable(f"Redis cannot be reached ({error}); check REDIS_URL") from error


def _decode(entry_id: bytes, fields: dict[bytes, bytes]) -> Entry:
    try:
        fact = decode_entry(entry_id, fields)
        return Entry(entry_id.decode(), fields, fact.size_bytes, fact)
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not stop the entries behind it
        problem = f"cannot be read: {type(error).__name__}: {error}"
        return Entry(entry_id.decode(), fields, entry_size(fields), salvage(entry_id, fields), problem)


def _unpacked_bytes(entry: Entry) -> int:
    return len(getattr(entry.fact, "result_json", None) or b"")
