"""Where settings are given: the environment, `.env`, and the run file of a demo that is up."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from pregao.domain.errors import InvalidInput
from pregao.settings.run_file import RunFile

DEFAULT_HOME = ".pregao"
SAMPLE = "PREGAO_SAMPLE"
REDIS_PARTS = ("REDIS_HOST", "REDIS_PORT", "REDIS_DB", "REDIS_PASSWORD")
DB_PARTS = ("DB_HOST", "DB_PORT", "DB_USERNAME", "DB_PASSWORD", "DB_DATABASE")
_YES = frozenset({"1", "true", "t", "yes", "y", "on"})


class InvalidSettings(InvalidInput):
    """One or more settings are invalid. `problems` has an InvalidInput for each."""

    def __init__(self, problems: list[InvalidInput]) -> None:
        first = problems[0]
        super().__init__(first.field, first.value, first.problem, first.fix)
        self.problems = problems
        self.args = ("\n".join(str(problem) for problem in problems),)


def given_variables(env_file: str | Path | None = ".env", environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Every variable that is given, a setting or not: `environ` (default: the process's), then `env_file`.

    Raises InvalidSettings when the file cannot be read.
    """
    process, file = sources(env_file, environ)
    return {**file, **process}


def sources(env_file: str | Path | None, environ: Mapping[str, str] | None) -> tuple[dict[str, str], dict[str, str]]:
    """The variables of the process, and those behind them: of `env_file`, or of a demo.

    In a demo, and while one is up in PREGAO_HOME, the demo's own settings stand in place of the file: what is there is
    meant for the real system. Empty ones are left out. Raises InvalidSettings when the file cannot be read.
    """
    process = {name: value for name, value in (os.environ if environ is None else environ).items() if value}
    if env_file is None or process.get(SAMPLE, "").lower() in _YES:
        return process, {}
    file = _from_file(env_file, process)
    home = process.get("PREGAO_HOME") or file.get("PREGAO_HOME") or DEFAULT_HOME
    run = RunFile.read_live(Path(home).expanduser())
    return process, run.variables if run is not None and run.variables else file


def _from_file(env_file: str | Path, process: Mapping[str, str]) -> dict[str, str]:
    try:
        values = {name: value for name, value in dotenv_values(env_file).items() if value}
    except (UnicodeDecodeError, OSError) as error:
        problem = InvalidInput(str(env_file), "(the file)", f"cannot be read: {error}", "save it as UTF-8 text")
        raise InvalidSettings([problem]) from None
    for url, parts in (("REDIS_URL", REDIS_PARTS), ("DATABASE_URL", DB_PARTS)):
        # A host in the environment is meant; a URL in the file must not win over it.
        if parts[0] in process and url not in process:
            values.pop(url, None)
    return values
