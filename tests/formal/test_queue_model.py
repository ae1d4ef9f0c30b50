"""The protocol as a model, every interleaving of it. The checker is `spin` (apt install spin) with a C compiler."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

MODEL = Path(__file__).with_name("queue.pml")
MISSING = [tool for tool in ("spin", "gcc") if shutil.which(tool) is None]

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (apt install spin gcc)"),
    pytest.mark.timeout(300),
]

EVERYTHING_ENDS_RECORDED = ""
CLAIMS = [EVERYTHING_ENDS_RECORDED, "ONE_PLACE", "KEPT_UNTIL_RECORDED", "TOLD_AFTER_THE_ROW", "ONE_SETTLE"]


def search(directory: Path, *defines: str) -> tuple[int, int]:
    """Errors and stored states of the whole search. Without a claim: end states, and what the auditor asserts."""
    run(directory, "spin", *(f"-D{define}" for define in defines if define), "-a", str(MODEL))
    run(directory, "gcc", "-O1", "-w", "-DSAFETY", "-o", "pan", "pan.c")
    told = run(directory, "./pan", "-m1000000", "-w22")
    assert "max search depth too small" not in told
    errors = re.search(r"errors: (\d+)", told)
    states = re.search(r"(\d+) states, stored", told)
    assert errors, told
    assert states, told
    return int(errors[1]), int(states[1])


def run(directory: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim or "EVERYTHING_ENDS_RECORDED")
def test_the_protocol_keeps_its_promise(tmp_path: Path, claim: str) -> None:
    errors, states = search(tmp_path, claim)
    assert errors == 0
    assert states > 10_000, "a model in which little happens proves little"


@pytest.mark.parametrize(
    ("hole", "claim"),
    [
        ("NO_FENCE", "ONE_SETTLE"),
        ("SETTLE_WITHOUT_OUTBOX", "KEPT_UNTIL_RECORDED"),
        ("SETTLE_WITHOUT_OUTBOX", EVERYTHING_ENDS_RECORDED),
        ("DELETE_BEFORE_COMMIT", "KEPT_UNTIL_RECORDED"),
        ("DELETE_BEFORE_COMMIT", EVERYTHING_ENDS_RECORDED),
        ("PUBLISH_BEFORE_COMMIT", "TOLD_AFTER_THE_ROW"),
    ],
)
def test_a_protocol_with_a_hole_is_found_out(tmp_path: Path, hole: str, claim: str) -> None:
    errors, _ = search(tmp_path, hole, claim)
    assert errors > 0
