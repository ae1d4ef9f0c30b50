"""Process trees, marks, and the ends of both."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pregao.isolation.marker import VARIABLE, Marker, marked
from pregao.isolation.tree import Process, Snapshot, end, from_psutil, read_process, send

FAMILY = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    os.fork()
os.write(1, str(os.getpid()).encode() + bytes([10]))
time.sleep(600)
"""


@pytest.fixture
def family() -> Iterator[subprocess.Popen[str]]:
    """A process with a child in another session, which has a child as well; all of them ignore SIGTERM."""
    environment = {**os.environ, VARIABLE: str(Marker("elsewhere", 1, 1, "nonce", "1-7"))}
    process = subprocess.Popen([sys.executable, "-c", FAMILY], stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    pids = [int(process.stdout.readline()) for _ in range(3)]
    yield process
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()


def test_a_tree_holds_all_descendants_each_after_its_parent(family: subprocess.Popen[str]) -> None:
    root, child, grandchild = Snapshot.take().tree(family.pid)
    assert (root.pid, child.parent, grandchild.parent) == (family.pid, root.pid, child.pid)
    assert child.group != root.group
    assert all(process.lives and process.threads == 1 and process.resident_bytes > 0 for process in (root, child))


def test_psutil_sees_the_same_tree(family: subprocess.Popen[str]) -> None:
    """Where there is no /proc, it is what there is."""
    ours, theirs = Snapshot.take().tree(family.pid), Snapshot(from_psutil()).tree(family.pid)
    facts = [[(p.pid, p.parent, p.group, p.lives, p.threads) for p in tree] for tree in (ours, theirs)]
    assert facts[0] == facts[1]


def test_a_tree_that_ignores_sigterm_is_ended_whole(family: subprocess.Popen[str]) -> None:
    pids = [process.pid for process in Snapshot.take().tree(family.pid)]
    send(Snapshot.take().tree(family.pid), signal.SIGTERM)
    assert [process.lives for process in Snapshot.take().tree(family.pid)] == [True] * 3
    assert end(lambda snapshot: snapshot.trees(pids), seconds=10) == 3
    assert family.wait() == -signal.SIGKILL


def test_an_unknown_root_has_no_tree() -> None:
    assert Snapshot.take().tree(2**22 + 1) == []
    assert read_process(2**22 + 1) is None


def test_the_own_process_is_never_sent_a_signal() -> None:
    own = Snapshot.take().processes[os.getpid()]
    assert send([own], signal.SIGTERM) == []


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 12)), max_size=12))
def test_a_tree_ends_even_where_pids_seem_to_go_in_circles(pairs: list[tuple[int, int]]) -> None:
    """A snapshot is not of one instant: a pid may be used again between two reads."""
    processes = [Process(pid, parent, pid, "x", "S", 1, 1, 0.0, 0) for pid, parent in pairs]
    for root in range(13):
        pids = [process.pid for process in Snapshot(processes).tree(root)]
        assert len(pids) == len(set(pids))


# --- marks -------------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**22), st.integers(0, 2**40), st.text(st.characters(exclude_characters="\0/")))
def test_a_mark_is_read_as_it_was_written(pid: int, started: int, token: str) -> None:
    marker = Marker("4026531836", pid, started, "a1b2c3d4", token)
    assert Marker.read(str(marker)) == marker


@pytest.mark.parametrize("text", ["", "x", "1/2/3", "ns/pid/started/nonce/token", "ns/1/2", "ns/-1/2/n/t"])
def test_what_is_no_mark_is_none(text: str) -> None:
    assert Marker.read(text) is None


def test_marked_processes_are_found_by_their_environment(family: subprocess.Popen[str]) -> None:
    found = dict(marked(Snapshot.take()))
    assert found[family.pid].token == "1-7"


def test_a_worker_is_gone_when_its_pid_is_or_belongs_to_another_process() -> None:
    own, snapshot = Marker.of_this_process(), Snapshot.take()
    assert not own.worker_is_gone(snapshot)
    assert Marker(own.namespace, own.worker_pid, own.worker_started + 1, "n").worker_is_gone(snapshot)
    assert Marker(own.namespace, 2**22 + 1, 1, "n").worker_is_gone(snapshot)


def test_a_worker_of_another_pid_namespace_is_left_alone() -> None:
    assert not Marker("4026539999", 2**22 + 1, 1, "n").worker_is_gone(Snapshot.take())
