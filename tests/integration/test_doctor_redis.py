"""`pregao doctor` on a Redis that is really broken, in each way."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
import redis.asyncio as redis_async
from redis.exceptions import ResponseError
from tests.builders import eventually
from tests.diagnosis import Diagnosis, diagnose

from pregao.doctor import redis_server
from pregao.doctor.disk import LOW_BYTES, NO_ROOM_BYTES, judge_room, look_at_disk
from pregao.doctor.finding import Finding
from pregao.domain.clock import ManualClock
from pregao.embedded.valkey import Valkey
from pregao.queue.connection import open_redis, server_info
from pregao.settings import Settings

WHERE = "given"


@pytest.fixture
def own(settings: Settings, valkey_server: Valkey) -> Settings:
    """Settings for a durable server of the test's own."""
    return settings.model_copy(update={"redis_url": valkey_server.url})


@pytest.fixture
async def server(own: Settings) -> AsyncIterator[redis_async.Redis]:
    client = open_redis(own.resolve_redis_url())
    yield client
    await client.aclose()


async def judged(server: redis_async.Redis, prefix: str = "scraper:", **changes: object) -> Diagnosis:
    """The verdict on what this server says of itself, with changes."""
    info = {name: value for name, value in ((await server_info(server)) | changes).items() if value is not None}
    return Diagnosis(list(redis_server.judge(info, prefix, WHERE, {})))


async def test_a_sound_server_is_called_sound(own: Settings) -> None:
    seen = await diagnose(own)
    for subject in ("Redis", "Redis memory", "Redis persistence", "Redis disk", "recorder", "leftovers"):
        assert seen.states(subject) == ["ok"], seen.of(subject)
    assert seen.the("Redis", "ok", "Valkey 9")
    assert "given by REDIS_URL" in seen.of("Redis")[0].detail


async def test_a_server_that_evicts_is_an_error_and_the_rest_is_looked_at(
    own: Settings, server: redis_async.Redis
) -> None:
    await server.config_set("maxmemory-policy", "allkeys-lru")
    seen = await diagnose(own)
    assert "CONFIG SET maxmemory-policy noeviction" in seen.the("Redis", "error", "'allkeys-lru'").detail
    assert seen.states("leftovers") == ["ok"]


async def test_a_server_without_an_append_only_file_is_a_warning(own: Settings, server: redis_async.Redis) -> None:
    await server.config_set("appendonly", "no")
    assert (await diagnose(own)).the("Redis persistence", "warning", "appendonly is off")


async def test_a_file_that_is_never_synced_is_a_warning(own: Settings, server: redis_async.Redis) -> None:
    await server.config_set("appendfsync", "no")
    assert (await diagnose(own)).the("Redis persistence", "warning", "appendfsync is no")


@pytest.fixture
def full_disk(valkey_server: Valkey) -> Iterator[None]:
    """No file of the server can grow any more."""
    assert valkey_server.process.pid is not None
    process = psutil.Process(valkey_server.process.pid)
    before = process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (64, resource.RLIM_INFINITY))
    yield
    process.rlimit(psutil.RLIMIT_FSIZE, before)


@pytest.mark.skipif(not hasattr(psutil, "RLIMIT_FSIZE"), reason="only Linux limits the files of another process")
@pytest.mark.parametrize(
    ("command", "field", "told"),
    [
        (("SET", "filler", "x" * 100), "aof_last_write_status", "the last write to the append-only file failed"),
        (("BGREWRITEAOF",), "aof_last_bgrewrite_status", "the last rewrite of the append-only file failed"),
        (("BGSAVE",), "rdb_last_bgsave_status", "the last snapshot failed"),
    ],
)
async def test_a_server_that_cannot_write_its_files_is_an_error(
    own: Settings, server: redis_async.Redis, full_disk: None, command: tuple[str, ...], field: str, told: str
) -> None:
    with contextlib.suppress(ResponseError):  # it may say so itself
        await server.execute_command(*command)
    await eventually(lambda: server_info(server), lambda info: info[field] == "err", what=field)
    assert (await diagnose(own)).the("Redis persistence", "error", told)


@pytest.mark.parametrize(("share", "state"), [(0.5, "ok"), (0.85, "warning"), (0.99, "error")])
async def test_memory_that_is_nearly_used_up_is_told(
    own: Settings, server: redis_async.Redis, share: float, state: str
) -> None:
    # Far more than the connection of the doctor itself takes. The command that brings it takes as much for a moment.
    filler = 30_000_000
    await server.set("filler", b"x" * filler)
    small = await eventually(lambda: server_info(server), lambda info: info["used_memory"] < 1.5 * filler, what="rest")
    await server.config_set("maxmemory", int(small["used_memory"] / share))
    assert (await diagnose(own)).states("Redis memory") == [state]


async def test_memory_without_a_limit_is_well(own: Settings, server: redis_async.Redis) -> None:
    await server.config_set("maxmemory", 0)
    assert (await diagnose(own)).the("Redis memory", "ok", "without a limit")


async def test_a_replica_is_an_error(own: Settings, server: redis_async.Redis) -> None:
    await server.replicaof("127.0.0.1", 1)
    assert (await diagnose(own)).the("Redis", "error", "is a replica")


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"valkey_version": "7.2.8"}, "error"),
        ({"valkey_version": "8.0.0"}, "ok"),
        ({"valkey_version": "10.1.0"}, "ok"),
        ({"valkey_version": None, "redis_version": "6.2.14"}, "error"),
        ({"valkey_version": None, "redis_version": "7.0.0"}, "ok"),
    ],
)
async def test_a_version_that_is_too_old_is_an_error(
    redis: redis_async.Redis, changes: dict[str, str | None], state: str
) -> None:
    seen = await judged(redis, **changes)
    assert seen.states("Redis") == [state]
    assert str(changes.get("valkey_version") or changes.get("redis_version")) in seen.of("Redis")[0].detail


@pytest.mark.parametrize(("prefix", "states"), [("scraper:", ["ok", "error"]), ("{scraper}:", ["ok"])])
async def test_a_cluster_needs_a_hash_tag(redis: redis_async.Redis, prefix: str, states: list[str]) -> None:
    assert (await judged(redis, prefix, cluster_enabled=1)).states("Redis") == states


async def test_a_server_that_still_loads_is_a_warning(redis: redis_async.Redis) -> None:
    assert (await judged(redis, loading=1)).the("Redis persistence", "warning", "still loads")


async def test_a_server_that_does_not_show_its_configuration_is_judged_by_the_rest(
    own: Settings, server: redis_async.Redis
) -> None:
    await server.execute_command("ACL", "SETUSER", "hosted", "on", ">secret", "~*", "&*", "+@all", "-config")
    hosted = own.resolve_redis_url().replace("redis://", "redis://hosted:secret@")
    seen = await diagnose(own.model_copy(update={"redis_url": hosted}))
    assert (seen.states("Redis"), seen.states("Redis persistence"), seen.of("Redis disk")) == (["ok"], ["ok"], [])
    assert "secret" not in str(seen.findings)


async def test_a_password_that_is_wrong_is_an_error(own: Settings, server: redis_async.Redis) -> None:
    await server.config_set("requirepass", "secret")
    assert (await diagnose(own)).states("Redis") == ["error"]


async def test_a_server_that_is_away_is_an_error_with_the_variable_to_look_at(
    own: Settings, valkey_server: Valkey
) -> None:
    valkey_server.kill()
    seen = await diagnose(own)
    assert "REDIS_URL" in seen.the("Redis", "error", "cannot be reached").cure
    assert seen.of("leftovers") == []
    assert seen.states("migrations") == ["ok"], "the other server is looked at all the same"


async def test_a_server_that_hangs_is_an_error(
    own: Settings, valkey_server: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_server, "ANSWER_SECONDS", 0.3)
    valkey_server.process.send(signal.SIGSTOP)
    assert (await diagnose(own)).states("Redis") == ["error"]
    valkey_server.process.send(signal.SIGCONT)


async def test_without_any_address_it_says_where_it_looked(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from pregao.settings import values

    monkeypatch.setattr(values, "LOCAL_REDIS_URL", "redis://127.0.0.1:1/0")
    seen = await diagnose(settings.model_copy(update={"redis_url": None}))
    assert seen.the("Redis", "error", "looked for on this machine, since REDIS_URL is not set")


@pytest.mark.parametrize(("ahead", "state"), [(0, "ok"), (90, "warning"), (-90, "warning")])
async def test_a_clock_that_is_off_is_a_warning_for_each_server(own: Settings, ahead: int, state: str) -> None:
    here = ManualClock(datetime.now(UTC) - timedelta(seconds=ahead))
    seen = await diagnose(own, here)
    assert seen.states("clock") == [state, state]
    if ahead:
        assert all(("ahead of" if ahead > 0 else "behind") in one.detail for one in seen.of("clock"))


async def test_a_key_of_another_type_breaks_off_only_what_needs_it(own: Settings, server: redis_async.Redis) -> None:
    await server.set("scraper:workers", "not a hash")
    await server.delete("scraper:outbox")
    await server.set("scraper:outbox_bytes", "many")
    seen = await diagnose(own)
    assert seen.the("workers", "error", "WRONGTYPE")
    assert seen.the("recorder", "error", "ValueError")
    assert seen.states("leftovers") == ["ok"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    directory = tmp_path / "disk"
    directory.mkdir()
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("only root may mount")
    done = subprocess.run([mount, "-t", "tmpfs", "-o", "size=1m", "none", directory], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("this machine mounts nothing")
    yield directory
    subprocess.run(["umount", directory], check=True)


def test_a_disk_without_room_is_an_error(small_disk: Path) -> None:
    found = look_at_disk("Redis disk", small_disk)
    assert found.state == "error"
    assert str(small_disk) in found.detail


@pytest.mark.parametrize(
    ("free", "state"), [(LOW_BYTES, "ok"), (LOW_BYTES - 1, "warning"), (NO_ROOM_BYTES - 1, "error"), (0, "error")]
)
def test_a_disk_is_judged_by_what_is_free(free: int, state: str) -> None:
    found: Finding = judge_room("home disk", "/data", free, 100 << 30)
    assert (found.state, "100.0 GB" in found.detail) == (state, True)


def test_a_disk_that_cannot_be_looked_at_is_a_warning(tmp_path: Path) -> None:
    assert look_at_disk("Redis disk", tmp_path / "gone").state == "warning"


def test_the_examination_of_two_servers_that_are_away_is_no_crash(settings: Settings) -> None:
    gone = {"redis_url": "redis://127.0.0.1:1", "database_url": "postgresql://postgres@127.0.0.1:1/x?sslmode=odd"}
    seen = asyncio.run(diagnose(settings.model_copy(update=gone)))
    assert (seen.states("Redis"), seen.states("PostgreSQL")) == (["error"], ["error"])
