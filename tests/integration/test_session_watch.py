"""Who holds and who releases the jobs of a scraper that needs a login."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.limiting import SomeNames, written

from pregao.domain.clock import ManualClock
from pregao.limits.live import LiveLimits
from pregao.limits.session_watch import SessionWatch
from pregao.queue.commands import QueueCommands
from pregao.queue.login_holds import login_holds
from pregao.queue.views import QueueViews
from pregao.settings import Settings

AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


class Host:
    """The watch of one worker with a file of limits of its own."""

    def __init__(self, queue: QueueCommands, views: QueueViews, settings: Settings, place: Path, name: str) -> None:
        self.place = place / name
        self.place.mkdir()
        self._queue = queue
        own = settings.model_copy(
            update={"scrapers_file": self.place / "scrapers.yaml", "pregao_home": self.place / "home"}
        )
        self.limits = LiveLimits(own, SomeNames(), clock=ManualClock(AT))
        self.watch = SessionWatch(
            queue, views, self.limits, lambda: {"B3": place}, host=name, clock=ManualClock(AT)
        )  # fmt: skip

    async def start(self, text: str) -> None:
        written(self.place, text)
        self.limits.load()
        await self.limits.look(at_rest=True)
        await self.watch.step()


WATCHED = "scrapers: {B3: {session_files: [b3.json]}}"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path


async def held(queue: QueueCommands) -> list[str]:
    return sorted(login_holds(await queue.control_fields()))


@pytest.mark.parametrize("text", ["scrapers: [", "", "scrapers: {B3: {session_files: 7}}", "scrapers: {B3: {rate: x}}"])
async def test_a_worker_whose_file_is_broken_or_blank_releases_no_hold(
    queue: QueueCommands, views: QueueViews, settings: Settings, place: Path, text: str
) -> None:
    await Host(queue, views, settings, place, "first").start(WATCHED)
    assert await held(queue) == ["b3"]
    # The first has no live worker, so that only what the second knows keeps it from releasing.
    second = Host(queue, views, settings, place, "second")
    await second.start(text)
    await second.watch.step()
    assert await held(queue) == ["b3"]


async def test_a_worker_whose_file_is_sound_releases_what_nobody_watches_any_more(
    queue: QueueCommands, views: QueueViews, settings: Settings, place: Path
) -> None:
    await Host(queue, views, settings, place, "first").start(WATCHED)
    await Host(queue, views, settings, place, "second").start("scrapers: {B3: {timeout_seconds: 20}}")
    assert await held(queue) == []


async def test_a_worker_that_never_read_the_overrides_releases_no_hold(
    queue: QueueCommands, views: QueueViews, settings: Settings, place: Path, unused_tcp_port: int
) -> None:
    await Host(queue, views, settings, place, "first").start(WATCHED)
    away = settings.model_copy(update={"database_url": f"postgresql://x@127.0.0.1:{unused_tcp_port}/x"})
    await Host(queue, views, away, place, "second").start("scrapers: {B3: {timeout_seconds: 20}}")
    assert await held(queue) == ["b3"]


async def test_a_half_sound_file_holds_for_what_it_says_and_releases_nothing(
    queue: QueueCommands, views: QueueViews, settings: Settings, place: Path
) -> None:
    host = Host(queue, views, settings, place, "first")
    await host.start("scrapers: {B3: {session_files: [b3.json], rate: soon}}")
    assert await held(queue) == ["b3"]
    (place / "b3.json").write_text('[{"name": "session"}]')
    await host.watch.step()
    assert await held(queue) == ["b3"]
    written(host.place, WATCHED)
    for _ in range(2):
        await host.limits.look(at_rest=True)
    await host.watch.step()
    assert await held(queue) == []
