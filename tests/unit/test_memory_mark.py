"""When memory is too full to claim, and what the kernel's files say of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from loguru import logger

from pregao.worker.memory import MemoryMark, MemoryUse, cgroup_use, memory_use

GIB = 1 << 30
MACHINE = 16 * GIB


class Memory:
    """A reader whose answer the test sets, in percent of 16 GiB; None cannot be read."""

    def __init__(self, percent: float | None = 0) -> None:
        self.percent = percent

    def __call__(self) -> MemoryUse:
        if self.percent is None:
            raise OSError("no /proc here")
        return MemoryUse(math.ceil(MACHINE * self.percent / 100), MACHINE, "the machine's memory")


@pytest.fixture
def logged() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(message.record["message"]), level="INFO")
    yield lines
    logger.remove(sink)


def group(path: Path, limit: str, current: int, inactive_file: int = 0) -> None:
    path.mkdir(parents=True, exist_ok=True)
    (path / "memory.max").write_text(f"{limit}\n")
    (path / "memory.current").write_text(f"{current}\n")
    (path / "memory.stat").write_text(f"anon 5\nfile 7\ninactive_anon 9\ninactive_file {inactive_file}\n")


def own(tmp_path: Path, path: str) -> Path:
    file = tmp_path / "cgroup"
    file.write_text(f"12:cpu:/elsewhere\n0::{path}\n")
    return file


def test_the_mark_is_reached_at_the_high_percentage_and_left_below_the_low_one() -> None:
    memory = Memory()
    mark = MemoryMark(85, 80, memory)
    seen = []
    for percent in (84.9, 85, 82, 80, 79.9, 84.9, 90):
        memory.percent = percent
        changed = mark.look()
        seen.append((changed, mark.reached))
    assert seen == [
        (False, False), (True, True), (False, True), (False, True), (True, False), (False, False), (True, True),
    ]  # fmt: skip
    assert mark.count == 2


def test_each_change_is_logged_once_with_the_numbers(logged: list[str]) -> None:
    memory = Memory(91)
    mark = MemoryMark(85, 80, memory)
    for percent in (91, 93, 85, 81, 50, 40):
        memory.percent = percent
        mark.look()
    assert logged == [
        (
            "no job is taken while memory is full: the machine's memory is at 91 % of 16.0 GiB, "
            "and has to be below 80 % (PREGAO_MEMORY_LOW_PERCENT)"
        ),
        "jobs are taken again: memory is at 50 %",
    ]
    assert mark.story == ""


def test_the_story_follows_the_memory_while_the_mark_is_reached() -> None:
    memory = Memory(91)
    mark = MemoryMark(85, 80, memory)
    mark.look()
    memory.percent = 97
    mark.look()
    assert "at 97 %" in mark.story
    assert mark.percent == pytest.approx(97)


def test_a_mark_of_zero_is_never_reached_and_memory_is_still_told() -> None:
    mark = MemoryMark(0, 0, Memory(99))
    assert not mark.look()
    assert (mark.reached, mark.percent) == (False, pytest.approx(99))


def test_memory_that_cannot_be_read_holds_nothing_back_and_is_told_once(logged: list[str]) -> None:
    memory = Memory(95)
    mark = MemoryMark(85, 80, memory)
    mark.look()
    memory.percent = None
    assert mark.look()
    assert not mark.look()
    assert (mark.reached, mark.percent) == (False, None)
    assert [line for line in logged if "cannot be read" in line] == [
        "the use of memory cannot be read, and holds no job back: no /proc here"
    ]


def test_a_limited_cgroup_counts_without_the_cache_that_the_kernel_would_drop(tmp_path: Path) -> None:
    group(tmp_path / "a.slice/b.service", str(2 * GIB), current=GIB, inactive_file=GIB // 2)
    use = cgroup_use(MACHINE, tmp_path, own(tmp_path, "/a.slice/b.service"))
    assert use == MemoryUse(GIB // 2, 2 * GIB, "the memory of its cgroup")
    assert use.percent == 25


def test_the_fullest_limit_on_the_way_to_the_root_counts(tmp_path: Path) -> None:
    group(tmp_path / "a.slice/b.service", "max", current=GIB)
    group(tmp_path / "a.slice", str(4 * GIB), current=3 * GIB)
    group(tmp_path, str(8 * GIB), current=3 * GIB)
    use = cgroup_use(MACHINE, tmp_path, own(tmp_path, "/a.slice/b.service"))
    assert use is not None
    assert (use.limit_bytes, use.percent) == (4 * GIB, 75)


@pytest.mark.parametrize("path", ["/", "/kubepods/pod1/abc", "/../other"])
def test_in_a_container_the_limit_is_at_the_root_of_what_it_sees(tmp_path: Path, path: str) -> None:
    group(tmp_path, str(GIB), current=GIB // 4)
    use = cgroup_use(MACHINE, tmp_path, own(tmp_path, path))
    assert use is not None
    assert use.percent == 25


@pytest.mark.parametrize("limit", ["max", str(MACHINE), "0", "much"])
def test_a_group_without_a_limit_below_the_machines_memory_says_nothing(tmp_path: Path, limit: str) -> None:
    group(tmp_path, limit, current=GIB)
    assert cgroup_use(MACHINE, tmp_path, own(tmp_path, "/")) is None


def test_a_cgroup_of_version_1_counts_the_same_way(tmp_path: Path) -> None:
    here = tmp_path / "memory" / "docker" / "abc"
    here.mkdir(parents=True)
    (here / "memory.limit_in_bytes").write_text(f"{2 * GIB}\n")
    (here / "memory.usage_in_bytes").write_text(f"{GIB}\n")
    (here / "memory.stat").write_text(f"inactive_file 7\ntotal_inactive_file {GIB // 2}\n")
    (tmp_path / "cgroup").write_text("4:cpu,memory:/docker/abc\n3:cpuset:/docker/abc\n0::/\n")
    assert cgroup_use(MACHINE, tmp_path, tmp_path / "cgroup") == MemoryUse(
        GIB // 2, 2 * GIB, "the memory of its cgroup"
    )


def test_without_cgroups_for_memory_they_say_nothing(tmp_path: Path) -> None:
    (tmp_path / "cgroup").write_text("12:cpu:/a\n")
    assert cgroup_use(MACHINE, tmp_path, tmp_path / "cgroup") is None
    assert cgroup_use(MACHINE, tmp_path, tmp_path / "none") is None


def test_the_memory_of_this_machine_is_read() -> None:
    use = memory_use()
    assert 0 < use.used_bytes < use.limit_bytes
