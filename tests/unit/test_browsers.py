"""How many browsers a worker has left, for which scrapers, and when the next one is launched."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pregao.attempt.outcome import StopReason
from pregao.domain.clock import ManualClock, SystemClock
from pregao.queue.messages import NO_RATION, Ration
from pregao.scrapers.entry import Entry
from pregao.scrapers.registry import Registry
from pregao.worker.browsers import BrowserBudget, Launches


def make() -> Any:
    raise AssertionError("nothing is made here")


PLAIN = Entry(name="Plain", source="plain.example", module="own.plain_scraper", class_name="PlainScraper", make=make)
PAGE = Entry(
    name="Page Reader",
    source="Páginas",
    module="own.pages_scraper",
    class_name="PageScraper",
    make=make,
    transport="browser",
)


def registry(*entries: Entry) -> Registry:
    return Registry(entries, [])


def test_without_scrapers_that_need_a_browser_nothing_is_rationed_or_counted() -> None:
    budget = BrowserBudget(registry(PLAIN), 2)
    assert budget.ration == NO_RATION
    assert not budget.take("Plain")
    assert budget.used == 0


def test_every_name_of_such_a_scraper_is_rationed() -> None:
    budget = BrowserBudget(registry(PLAIN, PAGE), 2)
    assert budget.ration == Ration("page,pagereader,pages,paginas", 2)


def test_a_name_that_means_another_scraper_is_not_rationed() -> None:
    same_source = replace(PLAIN, name="Paginas")
    budget = BrowserBudget(registry(same_source, PAGE), 2)
    assert budget.ration.scrapers == "page,pagereader,pages"
    rival = replace(PAGE, name="Second", module="own.second_scraper", class_name="Second")
    assert "paginas" not in BrowserBudget(registry(rival, PAGE), 2).ration.scrapers, "it names neither of the two"


def test_what_is_taken_by_any_spelling_is_missing_from_the_ration_until_it_is_given_back() -> None:
    budget = BrowserBudget(registry(PLAIN, PAGE), 2)
    assert [budget.take(name) for name in ("page-reader", "Plain", "PAGE", "page-reader")] == [True, False, True, True]
    assert (budget.used, budget.ration.left) == (3, 0)
    for left in (0, 1, 2):
        budget.give_back()
        assert budget.ration.left == left


def test_a_scraper_that_comes_later_is_rationed_from_then_on() -> None:
    scrapers = registry(PLAIN)
    budget = BrowserBudget(scrapers, 2)
    assert not budget.take("Page Reader")
    scrapers._fixed[0].append(PAGE)
    scrapers.refresh(anew=True)
    assert "pagereader" in budget.ration.scrapers
    assert budget.take("Page Reader")


async def test_browsers_are_launched_apart_in_the_order_of_asking() -> None:
    distance, turns = 0.05, []
    launches, loop = Launches(distance, SystemClock()), asyncio.get_running_loop()

    async def launch(number: int) -> None:
        assert await launches.turn(loop.create_future())
        turns.append((number, loop.time()))

    begun = loop.time()
    async with asyncio.TaskGroup() as group:
        for number in range(4):
            group.create_task(launch(number))
    assert [number for number, _ in turns] == [0, 1, 2, 3]
    clock_step = 0.001
    assert all(at - begun >= number * distance - clock_step for number, at in turns)


async def test_after_a_pause_the_first_browser_is_launched_at_once() -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    launches, stop = Launches(3600, clock), asyncio.get_running_loop().create_future()
    assert await launches.turn(stop)
    clock.advance(timedelta(hours=1))
    assert await launches.turn(stop)


async def test_a_wait_for_a_turn_ends_when_the_attempt_has_to_stop() -> None:
    launches = Launches(3600, SystemClock())
    stop: asyncio.Future[StopReason] = asyncio.get_running_loop().create_future()
    assert await launches.turn(stop)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(launches.turn(stop))
        await asyncio.sleep(0)
        stop.set_result("cancel")
    assert waiting.result() is False
