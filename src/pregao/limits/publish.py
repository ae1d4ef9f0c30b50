"""The limits that all workers share, written where the queue's scripts read them: one field of `control` each.

`limits` is a field too: it names those that were written from here, so that they can be taken away again, and no rule
that somebody set by hand is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable

import msgspec
from loguru import logger

from pregao.domain.errors import QueueError
from pregao.domain.names import fold
from pregao.limits.layers import Layers, Setting
from pregao.limits.live import LiveLimits
from pregao.limits.values import ScraperLimits
from pregao.queue.commands import QueueCommands

PUBLISHED = "limits"
LOOK_SECONDS = 2.0


class Rule(msgspec.Struct, frozen=True):
    """The value of one field, and who wants it so."""

    value: str
    who: str


async def publish_limits(commands: QueueCommands, limits: LiveLimits, who: str, scrapers: Iterable[str] = ()) -> int:
    """Write the fields of all scrapers that are known (`scrapers` and those that have limits), and of all hosts.

    Only those that differ from what is there are written, so that it may be repeated by anyone; returns how many. `who`
    stands for the file; a changed limit is written in the name of who changed it. What was published before and is no
    limit any more is taken away, unless it is about a scraper that nobody here knows, or the file here is missing or
    has problems: then somebody else's may be better. Raises QueueError.
    """
    known = {fold(name) for name in scrapers} | limits.layers.names().keys()
    wanted = rules_of(limits.layers, known, who)
    present = await commands.control_fields()
    published = _published(present.get(PUBLISHED, ""))
    stale = {name for name in published - wanted.keys() if limits.complete and _is_ours(name, known)}
    changes = {name: rule for name, rule in wanted.items() if present.get(name) != rule.value}
    changes |= {name: Rule("", who) for name in sorted(stale) if name in present}
    names = msgspec.json.encode(sorted(wanted.keys() | (published - stale))).decode()
    if names != present.get(PUBLISHED) and (wanted or published):
        changes[PUBLISHED] = Rule(names, who)
    for name, rule in changes.items():
        await commands.control(name, rule.value, rule.who)
    return len(changes)


def rules_of(layers: Layers, scrapers: Iterable[str], who: str) -> dict[str, Rule]:
    """The fields and values that the limits of `scrapers` (folded) and of all hosts come to. Pure."""
    rules: dict[str, Rule] = {}
    for folded in sorted(scrapers):
        settings = layers.settings_of(folded)
        for field, (key, value) in _of_scraper(layers.limits_of(folded)).items():
            rules[f"{field}:scraper:{folded}"] = Rule(value, _author(settings[key], who))
    for host, limits in layers.file.hosts.items():
        if limits.concurrency is not None:
            rules[f"cap:host:{host}"] = Rule(str(limits.concurrency), who)
        if limits.rate is not None:
            rules[f"rate:host:{host}"] = Rule(limits.rate.field, who)
    return rules


def _is_ours(field: str, known: Collection[str]) -> bool:
    _, about, name = field.split(":", 2)
    return about != "scraper" or name in known


def _of_scraper(limits: ScraperLimits) -> dict[str, tuple[str, str]]:
    """Key and value by kind of field; what is no limit has none."""
    values = {
        "cap": ("concurrency", limits.concurrency),
        "rate": ("rate", limits.rate and limits.rate.field),
        "interval": (
            "min_interval_seconds",
            limits.min_interval_seconds and max(1, round(limits.min_interval_seconds * 1000)),
        ),
        "hosts": ("hosts", ",".join(limits.hosts)),
        "weight": ("weight", limits.weight if limits.weight > 1 else None),
        "breaker": ("breaker_failures", limits.breaker_failures or None),
        "off": ("enabled", None if limits.enabled else 1),
    }
    return {field: (key, str(value)) for field, (key, value) in values.items() if value not in (None, "")}


def _author(setting: Setting, who: str) -> str:
    """Who wants a value so: whoever overrode it, else `who`."""
    if setting.source == "override" and setting.detail is not None:
        return setting.detail.rpartition(", ")[0]
    return who


def _published(value: str) -> set[str]:
    try:
        return set(msgspec.json.decode(value, type=list[str])) if value else set()
    except msgspec.MsgspecError:
        logger.warning("the field {} of the queue's controls is no list: {!r}", PUBLISHED, value)
        return set()


class Publisher:
    """Publishes at the start, when limits change, and when Redis has become another one. `run` never ends by itself.

    `scrapers` answers the scrapers that are here.
    """

    def __init__(
        self, commands: QueueCommands, limits: LiveLimits, who: str, scrapers: Callable[[], list[str]]
    ) -> None:
        self._commands, self._limits, self._who, self._scrapers = commands, limits, who, scrapers
        self._done: object = None
        self._trouble: str | None = None

    async def run(self) -> None:
        """Look every two seconds; a Redis that is away is waited for."""
        while True:
            await self.step()
            await asyncio.sleep(LOOK_SECONDS)

    async def step(self) -> None:
        """Publish once if there is something to publish. What keeps it from that is logged once."""
        try:
            names = self._scrapers()
            state = (await self._commands.read_generation(), self._limits.version, names)
            if state[0] is None or state == self._done:
                return
            written = await publish_limits(self._commands, self._limits, self._who, names)
        except QueueError as error:
            if str(error) != self._trouble:
                logger.warning("limits cannot be published for now: {}", error)
                self._trouble = str(error)
            return
        self._done, self._trouble = state, None
        if written:
            logger.info("{} rules of {} were written for all workers", written, self._who)
