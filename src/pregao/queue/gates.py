"""All that holds jobs back, as the scripts read it at one moment: rules, breakers, complaints of sources, logins."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
from redis.asyncio.client import Pipeline

from pregao.domain.names import fold
from pregao.queue.bounds import RULES, Bound
from pregao.queue.breakers import Breaker, FailureRun, read_breakers, read_failures
from pregao.queue.complaints import Complaint, read_complaints
from pregao.queue.controls import Controls, Pause, read_controls
from pregao.queue.keys import Keys
from pregao.queue.login_holds import LoginHold, login_holds

_HOSTS = "hosts:scraper:"


class Gates(msgspec.Struct, frozen=True, kw_only=True):
    """What holds jobs back at `now`, the server's time. Names of scrapers are folded.

    `failures` are those in a row that opened no breaker so far, and those of breakers that are open; `hosts` are those
    that a scraper's jobs ask. `rules` are the bounds as `control` has them, and `bounds` those that are reached, of
    scrapers whose jobs wait.
    """

    now: datetime
    controls: Controls = Controls()
    breakers: dict[str, Breaker] = {}
    failures: dict[str, FailureRun] = {}
    complaints: list[Complaint] = []
    logins: dict[str, LoginHold] = {}
    hosts: dict[str, list[str]] = {}
    rules: dict[str, str] = {}
    bounds: list[Bound] = []

    def complaints_about(self, scraper: str) -> list[Complaint]:
        """Those that concern a scraper: its own, and those of its hosts."""
        concerned = {("scraper", fold(scraper)), *(("host", host) for host in self.hosts.get(fold(scraper), []))}
        return [complaint for complaint in self.complaints if (complaint.kind, complaint.name) in concerned]

    def pause_of(self, scraper: str) -> Pause | None:
        """The pause of a scraper."""
        pauses = self.controls.pauses
        return next((one for one in pauses if (one.kind, one.name) == ("scraper", fold(scraper))), None)


def ask_for_gates(pipe: Pipeline, keys: Keys) -> None:
    """Four questions, whose answers are what `read_gates` takes after the time."""
    for key in (keys.control, keys.holds, keys.slow, keys.failures):
        pipe.hgetall(key)


def read_gates(
    now: datetime,
    control: Mapping[bytes, bytes],
    holds: Mapping[bytes, bytes],
    slow: Mapping[bytes, bytes],
    failures: Mapping[bytes, bytes],
) -> Gates:
    """The hashes `control`, `holds`, `slow` and `failures`; what somebody else wrote there is left out."""
    rules = _texts(control)
    return Gates(
        now=now,
        controls=read_controls(control, now),
        breakers=read_breakers(rules, now),
        failures=read_failures(_texts(failures)),
        complaints=read_complaints(_texts(holds), _texts(slow), now),
        logins=login_holds(rules),
        hosts={name.removeprefix(_HOSTS): value.split(",") for name, value in rules.items() if name.startswith(_HOSTS)},
        rules={name: value for name, value in rules.items() if name.partition(":")[0] in RULES},
    )


def _texts(fields: Mapping[bytes, bytes]) -> dict[str, str]:
    return {name.decode(errors="replace"): value.decode(errors="replace") for name, value in fields.items()}
