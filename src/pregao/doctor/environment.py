"""The settings themselves: bad values, and names that look like a slip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path

from pregao.doctor.finding import Finding, error, ok, warning
from pregao.settings import InvalidSettings, Settings, given_variables
from pregao.version import running_version

SUBJECT = "settings"
OURS = ("PREGAO_", "SCRAPER_", "SCRAPERS_")
ALIKE = 0.85
"""How like a setting's name another name must be to count as a slip."""


def read_settings(
    env_file: str | Path | None, environ: Mapping[str, str] | None
) -> tuple[Settings, list[Finding], frozenset[str]]:
    """The settings without the bad variables, what was found about them, and the bad variables' names."""
    findings: list[Finding] = []
    try:
        given = given_variables(env_file, environ)
    except InvalidSettings as invalid:
        findings += [_bad_value(problem) for problem in invalid.problems]
        env_file = None
        given = given_variables(None, environ)
    findings += [_slip(name, meant) for name, meant in _slips(given)]
    bad: frozenset[str] = frozenset()
    try:
        settings = Settings.load(env_file, environ=environ)
    except InvalidSettings as invalid:
        findings += [_bad_value(problem) for problem in invalid.problems]
        bad = frozenset(problem.field for problem in invalid.problems)
        settings = Settings.load(env_file, environ=environ, ignoring=bad)
    if not findings:
        known = sorted(given.keys() & _names())
        where = f"Pregão {running_version()}; ".removeprefix("Pregão ; ") + f"home {settings.home}; given are"
        findings.append(ok(SUBJECT, f"{where} {', '.join(known) or 'none, so that the defaults hold'}"))
    return settings, findings, bad


def _bad_value(problem: Exception) -> Finding:
    return error(SUBJECT, str(problem), "no command works with it: correct it in the environment or in .env")


def _names() -> set[str]:
    return {field.alias for field in Settings.model_fields.values() if field.alias is not None}


def _slips(given: Iterable[str]) -> list[tuple[str, str]]:
    """Variables that are no setting, and the setting that was probably meant."""
    names = _names()
    strangers = sorted(name for name in given if name.startswith(OURS) and name not in names)
    close = [(name, get_close_matches(name, names, n=1, cutoff=ALIKE)) for name in strangers]
    return [(name, meant[0]) for name, meant in close if meant]


def _slip(name: str, meant: str) -> Finding:
    return warning(SUBJECT, f"{name} is given and is no setting, so that it does nothing", f"did you mean {meant}?")
