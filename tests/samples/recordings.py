"""Recorded answers of the real sources, where the checkout has them beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

_BESIDE = [parent / "shared" / "data" for parent in Path(__file__).resolve().parents]
RECORDINGS = next((folder for folder in _BESIDE if folder.is_dir()), _BESIDE[3])


def recording(source: str, name: str) -> bytes:
    """The bytes of one recording; skips the test where there are none."""
    path = RECORDINGS / source / name
    if not path.exists():
        pytest.skip(f"no recordings beside this checkout: {source}/{name}")
    return path.read_bytes()


def expected(source: str, name: str) -> Any:
    """What was read from a recording by hand."""
    return orjson.loads(recording(source, "expected.json"))[name]
