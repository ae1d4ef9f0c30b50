"""`docs/proof.md`: each proof replaces its own section and leaves the rest of the page as it is."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "proof.md"
Section = Literal["survival", "speed"]


def is_wanted(*, whole: bool, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a run goes onto the page: a whole one does, a part or a smoke run only when PROOF=1 says so."""
    return whole or environ.get("PROOF") == "1"


def replace_section(section: Section, text: str, page: Path = PAGE) -> None:
    """Put `text` between the two marks of a section. Raises ValueError when the page has not exactly one such pair."""
    before, mark, rest = _cut(page, page.read_text(encoding="utf-8"), f"<!-- {section}: written by the run -->")
    _, end, after = _cut(page, rest, f"<!-- end of {section} -->")
    page.write_text(f"{before}{mark}\n\n{text.strip()}\n\n{end}{after}", encoding="utf-8")


def machine() -> str:
    """The processor, the system and the Python of this run."""
    system = f"{platform.system()} {_release()}, Python {platform.python_version()}"
    return f"{_processor()}, {os.cpu_count()} cores, {system}"


def commit() -> str:
    """The short name of the commit, with a + when files differ from it; '' outside of a repository."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return described.stdout.strip()


def _cut(page: Path, text: str, mark: str) -> tuple[str, str, str]:
    if text.count(mark) != 1:
        raise ValueError(f"{page} has the line {mark!r} {text.count(mark)} times; it must be there once")
    return text.partition(mark)


def _processor() -> str:
    try:
        model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        model = None
    return f"{platform.machine()} ({model[1]})" if model else platform.machine()


def _release() -> str:
    """The version of the kernel, without what a distribution appends."""
    return platform.release().partition("-")[0]
