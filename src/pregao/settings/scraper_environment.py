"""What the processes of the users' scrapers get to know: where they are, and their environment without our secrets."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic_core import PydanticCustomError

_OUR_KEYS = re.compile(r"PREGAO_.*(KEYS?|TOKENS?|SECRETS?|PASSWORDS?)$")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SEPARATORS = re.compile(rf"[,{re.escape(os.pathsep)}]")


@dataclass(frozen=True)
class ScraperEnvironment:
    """The environment of a scraper's process: the user's own and `.env`, without our secrets unless they are listed.

    `withheld` are the names of the secrets that were taken out. `stamp` changes when `.env` or what is listed does, and
    not from one terminal to the next.
    """

    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    withheld: frozenset[str] = frozenset()
    stamp: str = ""

    @classmethod
    def of(
        cls, process: Mapping[str, str], file: Mapping[str, str], *, secrets: Collection[str], listed: Collection[str]
    ) -> ScraperEnvironment:
        """Join both sources, the process's first, and take out `secrets` and our own keys that are not `listed`."""
        together = {**file, **process}
        withheld = {name for name in together if name in secrets or _OUR_KEYS.fullmatch(name)} - set(listed)
        variables = {name: value for name, value in together.items() if name not in withheld}
        chosen = sorted((name, variables[name]) for name in {*file, *listed} & variables.keys())
        stamp = hashlib.sha256(repr((chosen, sorted(listed))).encode(errors="surrogateescape")).hexdigest()
        return cls(variables, frozenset(withheld), stamp)


def directories(value: object) -> object:
    """The text of SCRAPERS_PATH as absolute paths, each once; separated as in PATH, or by commas."""
    if not isinstance(value, str):
        return value
    parts = [part.strip() for part in _SEPARATORS.split(value) if part.strip()]
    # Not resolve(): what the user calls the directory is what errors and lists should call it.
    return tuple(dict.fromkeys(Path(os.path.abspath(Path(part).expanduser())) for part in parts))  # noqa: PTH100


def readable_directory(path: Path) -> Path:
    """Check one directory of SCRAPERS_PATH. Raises PydanticCustomError with the problem and its fix."""
    if not path.exists():
        raise _refusal("does not exist", "correct the path, or create the directory")
    if not path.is_dir():
        raise _refusal("is not a directory", f"name the directory that holds it: {path.parent}")
    if not os.access(path, os.R_OK | os.X_OK):
        raise _refusal("cannot be read", f"let this user read it: chmod u+rx {path}")
    return path


def variable_name(name: str) -> str:
    """Check one name of SCRAPERS_ENV. Raises ValueError with what is allowed."""
    if not _NAME.fullmatch(name):
        raise ValueError("names of environment variables, separated by commas, for example DB_PASSWORD,DB_HOST")
    return name


def _refusal(problem: str, fix: str) -> PydanticCustomError:
    return PydanticCustomError("refused", "{problem}; {fix}", {"problem": problem, "fix": fix})
