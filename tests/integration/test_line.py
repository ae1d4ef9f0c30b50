"""The quick connection: many commands at once, and what is left when it breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import redis.asyncio as redis_asyncio
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from tests.builders import eventually

from pregao.queue.connection import open_redis
from pregao.queue.line import Line

SECONDS = 10.0


@pytest.fixture
async def line(redis_url: str) -> AsyncIterator[Line]:
    client = open_redis(redis_url, retries=0)
    made = Line(client)
    yield made
    await made.aclose()
    await client.aclose()


async def ask(line: Line, *command: object) -> object:
    return await line.call(*command, timeout_seconds=SECONDS)


async def blocked(redis: redis_asyncio.Redis) -> int:
    return int((await redis.info("clients"))["blocked_clients"])


async def test_callers_at_the_same_time_get_each_their_own_answer(line: Line) -> None:
    answers = await asyncio.gather(*(ask(line, "ECHO", str(number)) for number in range(500)))
    assert answers == [str(number).encode() for number in range(500)]


async def test_an_answer_of_megabytes_is_whole(line: Line) -> None:
    text = b"x" * 8_000_000
    await ask(line, "SET", "large", text)
    assert await ask(line, "GET", "large") == text


async def test_an_error_of_the_server_is_the_callers_alone(line: Line) -> None:
    refused, fine, unknown = await asyncio.gather(
        ask(line, "NONSENSE"), ask(line, "PING"), ask(line, "EVALSHA", "0" * 40, 0), return_exceptions=True
    )
    assert (type(refused), fine, type(unknown)) == (ResponseError, b"PONG", NoScriptError)


async def test_a_caller_that_is_cancelled_does_not_shift_the_answers_of_others(
    line: Line, redis: redis_asyncio.Redis
) -> None:
    waiting = asyncio.create_task(ask(line, "BLPOP", "nothing", 0))
    await eventually(lambda: blocked(redis))
    behind = asyncio.create_task(ask(line, "ECHO", "behind"))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await redis.lpush("nothing", "late")  # type: ignore[misc]
    assert await behind == b"behind"


async def test_a_connection_that_is_cut_fails_whoever_waits_and_the_next_call_connects(
    line: Line, redis: redis_asyncio.Redis
) -> None:
    waiting = asyncio.create_task(ask(line, "BLPOP", "nothing", 0))
    await eventually(lambda: blocked(redis))
    await redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")  # type: ignore[no-untyped-call]
    with pytest.raises(RedisConnectionError):
        await waiting
    assert await ask(line, "PING") == b"PONG"


async def test_a_server_that_does_not_answer_in_time_is_given_up_and_asked_anew(line: Line) -> None:
    with pytest.raises(RedisTimeoutError, match="no answer within"):
        await line.call("BLPOP", "nothing", 0, timeout_seconds=0.05)
    assert await ask(line, "PING") == b"PONG"


async def test_what_was_aborted_says_so_and_the_next_call_connects(line: Line, redis: redis_asyncio.Redis) -> None:
    waiting = asyncio.create_task(ask(line, "BLPOP", "nothing", 0))
    await eventually(lambda: blocked(redis))
    line.abort()
    with pytest.raises(RedisConnectionError):
        await waiting
    assert await ask(line, "PING") == b"PONG"


async def test_a_client_that_is_closed_ends_the_line_too(redis_url: str, redis: redis_asyncio.Redis) -> None:
    client = open_redis(redis_url, retries=0)
    line = Line(client)
    waiting = asyncio.create_task(ask(line, "BLPOP", "nothing", 0))
    await eventually(lambda: blocked(redis))
    await client.aclose()
    with pytest.raises(RedisConnectionError):
        await waiting


@pytest.mark.parametrize("word", ["\udcff", None])
async def test_a_word_that_cannot_be_sent_fails_its_call_alone(line: Line, word: object) -> None:
    with pytest.raises((TypeError, UnicodeEncodeError)):
        await ask(line, "ECHO", word)
    assert [await ask(line, "ECHO", text) for text in ("first", "second")] == [b"first", b"second"]
