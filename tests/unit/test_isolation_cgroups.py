"""Where cgroups may be made, and what their files say. Whether the kernel obeys is in the integration tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pregao.isolation.cgroups import Group, Groups
from pregao.isolation.messages import Limits


@pytest.fixture
def group(tmp_path: Path) -> Group:
    """One with the files of Linux 6.1."""
    texts = {
        "memory.peak": "157286400\n",
        "memory.current": "1048576\n",
        "cpu.stat": "usage_usec 1500000\nuser_usec 1000000\nsystem_usec 500000\n",
        "memory.events": "low 0\nhigh 0\nmax 21\noom 1\noom_kill 2\noom_group_kill 1\n",
        "pids.events": "max 3\n",
        "pids.current": "60\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return Group(tmp_path)


def test_a_group_tells_what_was_used_and_what_the_kernel_had_to_do(group: Group) -> None:
    assert (group.memory_bytes, group.cpu_seconds, group.tasks) == (150 * 1024 * 1024, 1.5, 60)
    assert group.was_out_of_memory
    assert group.refused_tasks


def test_a_kernel_without_a_peak_tells_the_present(group: Group) -> None:
    (group.path / "memory.peak").unlink()
    assert group.memory_bytes == 1024 * 1024


def test_a_group_that_is_gone_tells_nothing(tmp_path: Path) -> None:
    gone = Group(tmp_path / "gone")
    assert (gone.memory_bytes, gone.cpu_seconds, gone.tasks) == (0, 0.0, 0)
    assert not gone.was_out_of_memory
    gone.kill()
    gone.remove()


@pytest.mark.parametrize("text", ["", "9:memory:/\n8:pids:/\n", "0::/nowhere\n"])
def test_without_version_two_there_are_none(tmp_path: Path, text: str) -> None:
    own = tmp_path / "cgroup"
    own.write_text(text)
    assert Groups.probe(tmp_path, own) is None
    assert Groups.probe(tmp_path, tmp_path / "missing") is None


def test_a_directory_that_the_kernel_fills_with_nothing_is_no_place_for_groups(tmp_path: Path) -> None:
    own = tmp_path / "cgroup"
    own.write_text("0::/service/worker\n")
    (tmp_path / "cgroup.controllers").write_text("memory pids\n")
    (tmp_path / "service" / "worker").mkdir(parents=True)
    for folder in (tmp_path / "service", tmp_path / "service" / "worker"):
        (folder / "cgroup.subtree_control").write_text("memory pids\n")
    assert Groups.probe(tmp_path, own) is None
    assert [path.name for path in tmp_path.rglob("pregao-*")] == []


def test_groups_of_zygotes_that_are_gone_are_swept(tmp_path: Path) -> None:
    for name in (f"pregao-{os.getpid()}-1", f"pregao-{2**22 + 1}-1", "pregao-other"):
        (tmp_path / name).mkdir()
    Groups(tmp_path).sweep()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([f"pregao-{os.getpid()}-1", "pregao-other"])


def test_a_group_that_cannot_be_limited_is_taken_away_again(tmp_path: Path) -> None:
    (tmp_path / f"pregao-{os.getpid()}-7").touch()
    with pytest.raises(OSError, match="File exists"):
        Groups(tmp_path).create(7, Limits(memory_mb=1))
