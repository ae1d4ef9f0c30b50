"""What is known of a scraper and of a host once all layers are joined."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Literal

import msgspec

from pregao.domain.failure import Failure, FailureAction, FailureClass
from pregao.domain.retry import Backoff
from pregao.limits.rate import Rate

Executor = Literal["isolated", "in_loop"]
Initialize = Literal["auto", "always", "never"]
OnFailure = Literal["fail", "suspect"]


class Bounds(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The range of a number, both ends included; None is open."""

    min: float | None = None
    max: float | None = None


class SessionFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file of cookies without which a scraper cannot log in.

    `max_age_days` counts from when the file was written; `cookies` are the names of those that matter, all if empty.
    """

    path: str
    max_age_days: float | None = None
    cookies: tuple[str, ...] = ()


class ResultChecks(msgspec.Struct, frozen=True, kw_only=True):
    """What a result has to be. Fields are names, or paths with dots; numbers of `max_deviation` are percent.

    `deviation_days` is how old a last good value may be to be compared with.
    """

    required: tuple[str, ...] = ()
    min_fields: int | None = None
    ranges: Mapping[str, Bounds] = {}
    block_pages: bool = True
    block_patterns: tuple[str, ...] = ()
    max_deviation: Mapping[str, float] = {}
    deviation_days: float = 7.0
    on_failure: OnFailure = "fail"


class ScraperLimits(msgspec.Struct, frozen=True, kw_only=True):
    """One scraper. None means no limit; for `executor` what the scraper was found to be, for `canary` its own."""

    enabled: bool
    timeout_seconds: float
    max_retries: int
    backoff: Backoff
    concurrency: int | None
    rate: Rate | None
    min_interval_seconds: float | None
    weight: int
    memory_mb: int | None
    cpu_seconds: float | None
    executor: Executor | None
    initialize: Initialize
    cleanup_seconds: float
    canary: str | None
    hosts: tuple[str, ...]
    breaker_failures: int
    failure_policy: Mapping[FailureClass, FailureAction]
    session_files: tuple[SessionFile, ...]
    result_checks: ResultChecks

    def action_after(self, failure: Failure) -> FailureAction:
        """What follows a failure: as configured for its class, else as the failure itself says."""
        return self.failure_policy.get(failure.failure_class, failure.action)


class HostLimits(msgspec.Struct, frozen=True, kw_only=True):
    """One host, for all scrapers that declare it. None means no limit."""

    concurrency: int | None = None
    rate: Rate | None = None
    honour_retry_after: bool = True


def limits_of(values: Mapping[str, Any]) -> ScraperLimits:
    """The limits behind a value for every key of the catalogue, by dotted name."""
    simple = {name: value for name, value in values.items() if "." not in name}
    backoff = _group(values, "backoff")
    policy = {FailureClass(name): action for name, action in _group(values, "failure_policy").items()}
    return ScraperLimits(
        **simple,
        backoff=Backoff(round(backoff["base_seconds"] * 1000), round(backoff["cap_seconds"] * 1000), backoff["jitter"]),
        failure_policy={name: action for name, action in policy.items() if action is not None},
        result_checks=ResultChecks(**_group(values, "result_checks")),
    )


def plain(value: object) -> Any:
    """A value as it is written: JSON, with `none` for no limit."""
    match value:
        case None:
            return "none"
        case Rate():
            return str(value)
        case Enum():
            return value.value
        case msgspec.Struct():
            return msgspec.to_builtins(value)
        case tuple():
            return [plain(item) for item in value]
        case Mapping():
            return {str(name): plain(item) for name, item in value.items()}
    return value


def _group(values: Mapping[str, Any], group: str) -> dict[str, Any]:
    return {name.removeprefix(f"{group}."): value for name, value in values.items() if name.startswith(f"{group}.")}
