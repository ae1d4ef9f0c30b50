"""The table of settings is complete."""

from __future__ import annotations

from pathlib import Path

from pregao.settings import Settings
from pregao.settings.values import SECRETS

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
    assert documented - {"PREGAO_UPSTREAM_BCB", "PREGAO_UPSTREAM_B3"} == names | set(SECRETS)
