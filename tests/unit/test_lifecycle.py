"""The table of transitions: what it allows, and that the documentation and the Lua files say the same."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import get_args

import pytest

from pregao.domain.job import JobStatus
from pregao.domain.lifecycle import HAND_MOVES, TRANSITIONS, HandMove, allowed_targets, hand_move
from pregao.queue.scripts import ScriptName, hash_of, source_of

ROOT = Path(__file__).resolve().parents[2]
NO_TRANSITION = {"renew", "tick", "mark", "forget", "reprioritize", "beat", "control", "disown", "scrub", "reset"}


def test_an_ended_job_never_moves_again() -> None:
    for status in JobStatus:
        assert bool(allowed_targets(status)) is not status.ended


def test_every_status_can_be_reached_from_a_new_job() -> None:
    reached, edge = set[JobStatus](), set(allowed_targets(None))
    while edge:
        reached |= edge
        edge = {target for status in edge for target in allowed_targets(status)} - reached
    assert reached == set(JobStatus)


def test_every_transition_has_its_own_lua_file_and_every_file_is_in_the_table() -> None:
    files = {path.name.removesuffix(".lua") for path in resources.files("pregao.queue").joinpath("lua").iterdir()}
    files.discard("shared")
    assert files == {move.script for move in TRANSITIONS} | NO_TRANSITION
    assert files == set(get_args(ScriptName))


@pytest.mark.parametrize("name", get_args(ScriptName))
def test_every_lua_file_opens_with_its_flags_what_it_does_and_what_it_answers(name: ScriptName) -> None:
    source = source_of(name)
    own = resources.files("pregao.queue").joinpath("lua", f"{name}.lua").read_text()
    assert own.startswith("#!lua")
    assert source.startswith(own.split("\n", 1)[0])
    comments = "\n".join(line for line in own.splitlines() if line.startswith("--"))
    assert "Reply:" in comments
    assert ("→" in comments) or name in NO_TRANSITION
    assert len(hash_of(name)) == 40


def test_scripts_that_let_work_finish_run_at_maxmemory_and_those_that_bring_work_do_not() -> None:
    for name in get_args(ScriptName):
        flags = source_of(name).split("\n", 1)[0]
        assert ("allow-oom" in flags) is (name not in ("enqueue", "fire", "run", "resume"))


def test_a_hand_move_that_is_not_in_the_table_is_refused() -> None:
    assert hand_move(JobStatus.COMPLETED, JobStatus.RUNNING) is HandMove.REFUSE
    assert hand_move(JobStatus.PENDING, JobStatus.COMPLETED) is HandMove.REFUSE


@pytest.mark.parametrize(("pair", "move"), HAND_MOVES.items())
def test_a_hand_move_is_a_legal_transition(pair: tuple[JobStatus, JobStatus], move: HandMove) -> None:
    current, wanted = pair
    if move is HandMove.NOTHING:
        assert current is wanted
    else:
        assert wanted in allowed_targets(current)


def test_the_documented_table_is_the_real_one() -> None:
    text = (ROOT / "docs" / "lifecycle.md").read_text()
    rows = re.findall(r"^\| (\S+) +\| (\S+) +\| `(\w+)` +\| (.+?) +\|$", text, re.MULTILINE)
    documented = [
        (None if source == "(new)" else source, target, script, when) for source, target, script, when in rows
    ]
    real = [(m.source.value if m.source else None, m.target.value, m.script, m.when) for m in TRANSITIONS]
    assert documented == real
