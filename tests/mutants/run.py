"""`make mutants`: break the code in every way of the catalogue, one at a time, and see that the tests notice.

Each mutant is a temporary copy of the repository with one exact replacement. The tests run on an unbroken copy
first. Arguments are parts of the names of the mutants that are wanted; none means all.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.mutants.catalogue import MUTANTS, Mutant  # noqa: E402 - it is found only now

COPIED = ("src", "tests", "config", "scheduler.py", "pyproject.toml")
TESTS_FAILED = 1
TIMEOUT_SECONDS = 300


def main(wanted: list[str]) -> int:
    mutants = [m for m in MUTANTS if not wanted or any(part in m.name for part in wanted)]
    if not mutants:
        names = "\n".join(f"  {mutant.name}" for mutant in MUTANTS)
        sys.exit(f"no mutant is called like {', '.join(wanted)}; there are:\n{names}")
    for mutant in mutants:
        check_place(mutant)
    with tempfile.TemporaryDirectory(prefix="pregao-mutants-") as directory:
        copy = Path(directory) / "copy"
        for name in COPIED:
            copy_tree(ROOT / name, copy / name)
        tests = tuple(dict.fromkeys(test for mutant in mutants for test in mutant.tests))
        code, told = run_tests(copy, tests)
        if code:
            print(told)
            print("the tests fail on the code as it is; nothing can be said about mutants")
            return 2
        survivors = [mutant for mutant in mutants if not killed(mutant, copy)]
    print(f"{len(mutants) - len(survivors)} of {len(mutants)} mutants killed")
    for mutant in survivors:
        print(f"SURVIVED: {mutant.name} ({mutant.file}); none of {', '.join(mutant.tests)} noticed")
    return 1 if survivors else 0


def check_place(mutant: Mutant) -> None:
    found = (ROOT / mutant.file).read_text().count(mutant.old)
    if found != 1:
        sys.exit(f"mutant {mutant.name!r}: its text is {found} times in {mutant.file}, not once:\n{mutant.old}")


def copy_tree(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def killed(mutant: Mutant, copy: Path) -> bool:
    """Whether the tests fail (and do not merely break off) with this one change."""
    path = copy / mutant.file
    original = path.read_text()
    path.write_text(original.replace(mutant.old, mutant.new))
    began = time.monotonic()
    try:
        code, told = run_tests(copy, mutant.tests)
    finally:
        path.write_text(original)
    red = code == TESTS_FAILED
    print(f"{'killed  ' if red else 'SURVIVED'} {time.monotonic() - began:5.1f} s  {mutant.name}", flush=True)
    if code not in (0, TESTS_FAILED):
        print(told)
    return red


def run_tests(copy: Path, tests: tuple[str, ...]) -> tuple[int, str]:
    command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(
            command,
            cwd=copy,
            env={**os.environ, "PREGAO_MUTANT": "1"},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS * len(tests),
            check=False,
        )
    except subprocess.TimeoutExpired:
        return TESTS_FAILED, "the tests did not end"
    return done.returncode, done.stdout + done.stderr


if __name__ == "__main__":
    sys.exit(main([part for part in sys.argv[1:] if part]))
