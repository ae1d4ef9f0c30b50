"""Every key that a scraper or a host can have: what it means, what it takes, and what holds when nobody says.

Keys inside of a group have dotted names: `backoff.base_seconds`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pregao.domain.failure import FailureAction, FailureClass
from pregao.domain.job import MAX_RETRIES_LIMIT, TIMEOUT_LIMIT_SECONDS
from pregao.limits import reading
from pregao.limits.reading import Read, Refused, or_none

MINUTE, DAY = 60.0, 86_400.0


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `textual` values are taken as they were written, so that `canary: 0123` stays what it is.

    `own` belongs to one scraper: the section `defaults` cannot have it.
    """

    name: str
    read: Read
    default: object
    meaning: str
    textual: bool = False
    own: bool = False


def _policy(failure_class: FailureClass) -> Key:
    return Key(
        f"failure_policy.{failure_class.value}",
        or_none(reading.member(FailureAction)),
        None,
        f"what follows a failure of class {failure_class.value}; {failure_class.action.value} when nobody says",
    )


_SCRAPER_KEYS = (
    Key("enabled", reading.flag, True, "whether it runs at all"),
    Key(
        "timeout_seconds", reading.number(0, TIMEOUT_LIMIT_SECONDS, above=True), 60.0,
        "longest an attempt may take, where job and schedule say nothing",
    ),
    Key("max_retries", reading.whole(0, MAX_RETRIES_LIMIT), 3, "retries of a new job, where nobody says otherwise"),
    Key("backoff.base_seconds", reading.number(0.001, DAY), 2.0, "the wait before the first retry; it doubles"),
    Key("backoff.cap_seconds", reading.number(0.001, DAY), 15 * MINUTE, "the longest wait before a retry"),
    Key("backoff.jitter", reading.number(0, 1), 0.0, "share of a wait by which chance may change it"),
    Key("concurrency", or_none(reading.whole(1, 10_000)), None, "jobs at once, over all workers"),
    Key("rate", or_none(reading.rate), None, "jobs that start in a span of time, over all workers"),
    Key(
        "min_interval_seconds", or_none(reading.number(0, DAY, above=True)), None,
        "least time between the starts of two jobs, over all workers",
    ),
    Key("weight", reading.whole(1, 1000), 1, "slots that a job takes in its worker"),
    Key("memory_mb", or_none(reading.whole(16, 1_048_576)), 1024, "memory of an isolated job's processes together"),
    Key("cpu_seconds", or_none(reading.number(0, 30 * DAY, above=True)), None, "processor time of an isolated job"),
    Key(
        "executor", or_none(reading.word("isolated", "in_loop")), None,
        "where it runs: in a process of its own, or in the worker's event loop",
    ),
    Key("initialize", reading.word("auto", "always", "never"), "auto", "whether `initialize()` is called"),
    Key("cleanup_seconds", reading.number(0, 10 * MINUTE), 5.0, "how long `cleanup()` may take"),
    Key(
        "canary", or_none(reading.text), None, "an argument with data, for `pregao scrapers check`",
        textual=True, own=True,
    ),
    Key("hosts", reading.listed(reading.host), (), "the hosts that it asks", own=True),
    Key(
        "breaker_failures", reading.whole(0, 10_000), 5,
        "failures of one class in a row after which its jobs are held; 0 is never",
    ),
    *map(_policy, FailureClass),
    Key("session_files", reading.listed(reading.session_file), (), "files of cookies that it needs", own=True),
    Key("result_checks.required", reading.listed(reading.text), (), "fields that a result must have"),
    Key("result_checks.min_fields", or_none(reading.whole(1, 10_000)), None, "least number of fields with a value"),
    Key(
        "result_checks.ranges", reading.by_field(reading.bounds, "{price: {min: 0.01}}"), {},
        "the range of numbers, by field",
    ),
    Key("result_checks.block_pages", reading.flag, True, "whether block pages and gateway errors are no results"),
    Key("result_checks.block_patterns", reading.listed(reading.text), (), "other texts that no result may contain"),
    Key(
        "result_checks.max_deviation", reading.by_field(reading.number(0, 1e6, above=True), "{price: 50}"), {},
        "percent by which a number may differ from the last good value of the same argument, by field",
    ),
    Key(
        "result_checks.deviation_days", reading.number(0, 3660, above=True), 7.0,
        "age of a last good value beyond which nothing is compared with it",
    ),
    Key(
        "result_checks.on_failure", reading.word("fail", "suspect"), "fail",
        "whether a result that fails a check fails the attempt, or is recorded as suspect",
    ),
)  # fmt: skip
_HOST_KEYS = (
    Key("concurrency", or_none(reading.whole(1, 10_000)), None, "jobs at once of all scrapers that ask it"),
    Key("rate", or_none(reading.rate), None, "jobs that start in a span of time"),
    Key("honour_retry_after", reading.flag, True, "whether the host is left alone for as long as it asks"),
)

SCRAPER_KEYS: Mapping[str, Key] = {key.name: key for key in _SCRAPER_KEYS}
HOST_KEYS: Mapping[str, Key] = {key.name: key for key in _HOST_KEYS}
GROUPS = frozenset(name.partition(".")[0] for name in SCRAPER_KEYS if "." in name)
DEFAULTS: Mapping[str, object] = {key.name: key.default for key in _SCRAPER_KEYS}


def names_within(prefix: str, keys: Mapping[str, Key] = SCRAPER_KEYS) -> list[str]:
    """What may be written at a place: `''` for the keys and groups of a scraper, `backoff.` for those in it."""
    found = [name.removeprefix(prefix).partition(".")[0] for name in keys if name.startswith(prefix)]
    return list(dict.fromkeys(found))


def key_of(name: str) -> Key:
    """The key of a scraper with this dotted name. Raises Refused with the one that was meant."""
    if name in SCRAPER_KEYS:
        return SCRAPER_KEYS[name]
    if name in GROUPS:
        inside = names_within(f"{name}.")
        raise Refused("is a group of keys", f"name one of them: {name}.{inside[0]}, {name}.{inside[-1]} …")
    close = get_close_matches(name.lower(), SCRAPER_KEYS, n=1, cutoff=0.6)
    known = ", ".join(names_within(""))
    raise Refused("is not a limit of a scraper", f"did you mean {close[0]}?" if close else f"known are {known}")


def flattened(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Keys and values of a document that may nest groups: `{"backoff": {"jitter": 0.1}}` has `backoff.jitter`.

    An empty value of a whole group stands for all of its keys.
    """
    for name, value in document.items():
        full = f"{prefix}{name}"
        if full not in GROUPS:
            yield full, value
        elif isinstance(value, Mapping):
            yield from flattened(value, f"{full}.")
        elif value is None:
            yield from ((f"{full}.{inside}", None) for inside in names_within(f"{full}."))
        else:
            yield full, value


def contradictions(values: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What does not go together in the values of all keys: key, problem, fix."""
    base, cap = values["backoff.base_seconds"], values["backoff.cap_seconds"]
    if base > cap:
        yield (
            "backoff.base_seconds",
            f"is above backoff.cap_seconds, which is {cap:g}",
            "raise the one or lower the other",
        )
