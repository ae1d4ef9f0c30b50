"""The table of settings is complete."""

from __future__ import annotations

from pathlib import Path

from pregao.settings import Settings
from pregao.settings.values import SECRETS, UPSTREAM, USER_AGENT

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


def test_every_setting_is_documented_and_nothing_else() -> None:
    text = DOCUMENT.read_text()
    names = {field.alias for field in Settings.model_fields.values() if field.alias}
    documented = {
        name.strip("` ")
        for line in text.splitlines()
        if line.startswith("| `")
        for name in line.split("|")[1].split(",")
    }
    of_sources = {name for name in documented if name.startswith((UPSTREAM, USER_AGENT))}
    assert documented - of_sources == names | set(SECRETS)
