"""Jobs that wait because their scraper needs a login: one field of `control` for each scraper."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from pregao.domain.names import fold

_FIELD = "login:scraper:"


class LoginHold(msgspec.Struct, frozen=True, kw_only=True):
    """Why the jobs of a scraper are held, who found out on which host, and since when (aware UTC)."""

    who: str
    why: str
    host: str
    since: datetime


def login_field(scraper: str) -> str:
    """The field of a scraper's hold."""
    return f"{_FIELD}{fold(scraper)}"


def login_value(hold: LoginHold) -> str:
    """A hold as its field has it: without an end, like a pause that somebody has to take away."""
    return f"0|{msgspec.json.encode(hold).decode()}"


def login_holds(fields: Mapping[str, str]) -> dict[str, LoginHold]:
    """The holds among the fields of `control`, by folded scraper name; what cannot be read is left out."""
    found = {}
    for field, value in fields.items():
        if field.startswith(_FIELD):
            try:
                hold = msgspec.json.decode(value.partition("|")[2], type=LoginHold)
            except msgspec.MsgspecError:
                continue
            found[field.removeprefix(_FIELD)] = hold
    return found
