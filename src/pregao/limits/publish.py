"""The limits that all workers share, written where the queue's scripts read them: one field of `control` each.

`limits` is a field too: it names those that were written from here and whose word they are, so that they can be taken
away again, and no rule that somebody set by hand is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Literal

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
Word = Literal["file", "override"]
"""Whose word a rule is: a change's, or that of a host's file, environment or built-in limits."""


class Rule(msgspec.Struct, frozen=True):
    """The value of one field, who wants it so, and whose word it is."""

    value: str
    who: str
    word: Word = "file"


async def publish_limits(commands: QueueCommands, limits: LiveLimits, who: str, scrapers: Iterable[str] = ()) -> int:
    """Write the fields of all scrapers that are known (`scrapers` and those that have limits), and of all hosts.

    Only those that differ from what is there are written, so that it may be repeated by anyone; returns how many. `who`
    stands for the file; a changed limit is written in the name of who changed it. What was published before and is no
    limit any more is taken away, unless it is about a scraper that nobody here knows. While the file here is blank or
    has problems, what another host's file said stays, and while the overrides are not known, what they said. Raises
    QueueError.
    """
    known = {fold(name) for name in scrapers} | limits.layers.names().keys()
    present = await commands.control_fields()
    published = _published(present.get(PUBLISHED, ""))
    settled = {name for name, word in published.items() if not _may_change(word, limits)}
    wanted = {
        name: rule
        for name, rule in rules_of(limits.layers, known, who).items()
        if name not in settled or rule.word == "override"
    }
    stale = {name for name in published.keys() - wanted.keys() - settled if _is_ours(name, known)}
    changes = {name: rule for name, rule in wanted.items() if present.get(name) != rule.value}
    changes |= {name: Rule("", who) for name in sorted(stale) if name in present}
    kept = {name: word for name, word in published.items() if name not in stale}
    words = _written(kept | {name: rule.word for name, rule in wanted.items()})
    if words != present.get(PUBLISHED, _written({})):
        changes[PUBLISHED] = Rule(words, who)
    for name, rule in changes.items():
        await commands.control(name, rule.value, rule.who)
    return len(changes)


def _may_change(word: Word, limits: LiveLimits) -> bool:
    """Whether enough is known here to change or take away what is someone's word."""
    return limits.unread is None if word == "override" else limits.complete


def rules_of(layers: Layers, scrapers: Iterable[str], who: str) -> dict[str, Rule]:
    """The fields and values that the limits of `scrapers` (folded) and of all hosts come to. Pure."""
    rules: dict[str, Rule] = {}
    for folded in sorted(scrapers):
        settings = layers.settings_of(folded)
        for field, (key, value) in _of_scraper(layers.limits_of(folded)).items():
            rules[f"{field}:scraper:{folded}"] = _rule(value, settings[key], who)
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


def _rule(value: str, setting: Setting, who: str) -> Rule:
    """In the name of whoever overrode the setting, else of `who`."""
    if setting.source == "override" and setting.detail is not None:
        return Rule(value, setting.detail.rpartition(", ")[0], "override")
    return Rule(value, who)


def _published(value: str) -> dict[str, Word]:
    try:
        return msgspec.json.decode(value, type=dict[str, Word]) if value else {}
    except msgspec.MsgspecError:
        logger.warning("the field {} of the queue's controls cannot be read: {!r}", PUBLISHED, value)
        return {}


def _written(words: Mapping[str, Word]) -> str:
    return msgspec.json.encode(words, order="sorted").decode()


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
