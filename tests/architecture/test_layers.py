"""The rules of the house that a program can check."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "pregao"
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "base_utils"}
PUBLIC = [
    "Job", "JobPriority", "JobProcessor", "JobQueue", "JobStatus", "ScraperScheduler", "run_scheduler_system",
]  # fmt: skip
HEAVY = {"redis", "asyncpg", "fastapi", "uvicorn", "httpx", "apscheduler", "ruamel", "pydantic", "rich"}


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def test_imports_follow_the_layers() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [path for path in modules() if {path.stem, path.parent.name} & VAGUE_NAMES] == []


def test_the_public_surface_is_small_sorted_and_complete() -> None:
    import pregao

    assert pregao.__all__ == sorted(pregao.__all__) == PUBLIC
    assert all(getattr(pregao, name).__name__ == name for name in PUBLIC)


def test_the_drop_in_module_offers_the_same_names() -> None:
    import scheduler

    import pregao

    assert all(getattr(scheduler, name) is getattr(pregao, name) for name in PUBLIC)


def test_an_unknown_name_is_an_attribute_error_that_lists_the_known_ones() -> None:
    import pregao

    with pytest.raises(AttributeError, match="JobQueue"):
        _ = pregao.JobQeue


@pytest.mark.parametrize("code", ["import pregao", "import pregao.cli.main"])
def test_importing_the_package_or_the_command_line_loads_nothing_heavy(code: str) -> None:
    probe = f"import sys; {code}; print(' '.join({{name.partition('.')[0] for name in sys.modules}}))"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src")}

    done = subprocess.run([sys.executable, "-c", probe], env=environment, capture_output=True, text=True, check=True)

    assert set(done.stdout.split()) & HEAVY == set()


def test_errors_are_never_swallowed() -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")))
        and all(isinstance(statement, ast.Pass) for statement in node.body)
    ]

    assert bare == []


def test_the_locks_pin_every_package_with_hashes_and_name_no_index() -> None:
    for name in ("requirements.txt", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        packages = re.split(r"\n(?=\S)", text.strip())
        assert len(packages) > 30
        assert all("==" in package and "--hash=sha256:" in package for package in packages), name
        assert not re.search(r"https?:|file:|index-url|find-links", text), name


def test_the_developers_lock_agrees_with_the_run_time_lock() -> None:
    pinned = [
        set(re.findall(r"^(\S+==\S+)", (ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements.txt", "requirements-dev.lock")
    ]

    assert pinned[0] <= pinned[1]
