"""The mark in the environment of everything that runs for a job, by which it is found when nobody watches it any more.

It names the worker process by pid, time of birth and pid namespace: a pid alone may belong to somebody else by now, or
mean another process in another container.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from pregao.isolation.tree import Snapshot, read_process

VARIABLE = "PREGAO_ATTEMPT"
_PREFIX = f"{VARIABLE}=".encode()
_MAX_ENVIRONMENT_BYTES = 4 * 1024 * 1024


class Marker(msgspec.Struct, frozen=True):
    """Whose it is: the worker process, which of its isolations, and the attempt's token ("" for a zygote itself)."""

    namespace: str
    worker_pid: int
    worker_started: int
    nonce: str
    token: str = ""

    @classmethod
    def of_this_process(cls) -> Marker:
        """A new mark for what this worker process starts."""
        own = read_process(os.getpid()) if sys.platform == "linux" else None
        return cls(_namespace("self"), os.getpid(), own.started if own else 0, secrets.token_hex(4))

    @classmethod
    def read(cls, text: str) -> Marker | None:
        """The mark behind a variable's value; None when it is none."""
        parts = text.split("/", 4)
        if len(parts) != 5 or not (parts[1].isdecimal() and parts[2].isdecimal()):
            return None
        return cls(parts[0], int(parts[1]), int(parts[2]), parts[3], parts[4])

    def __str__(self) -> str:
        return f"{self.owner}/{self.token}"

    @property
    def owner(self) -> str:
        """What all marks of one isolation have in common."""
        return f"{self.namespace}/{self.worker_pid}/{self.worker_started}/{self.nonce}"

    def for_attempt(self, token: str) -> Marker:
        """The mark of one attempt."""
        return msgspec.structs.replace(self, token=token)

    def worker_is_gone(self, snapshot: Snapshot) -> bool:
        """Whether its worker has ended; False where that cannot be told from here."""
        if self.namespace != _namespace("self"):
            return False
        worker = snapshot.processes.get(self.worker_pid)
        return worker is None or worker.started != self.worker_started or not worker.lives


def marked(snapshot: Snapshot) -> Iterator[tuple[int, Marker]]:
    """Every process that carries a mark, by what its environment was when its program started. Linux only."""
    if sys.platform != "linux":
        return
    for pid in snapshot.processes:
        marker = _marker_of(pid)
        if marker is not None:
            yield pid, marker


def _marker_of(pid: int) -> Marker | None:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123 - one for each process of the machine
            environment = file.read(_MAX_ENVIRONMENT_BYTES)
    except OSError:
        return None
    for entry in environment.split(b"\0"):
        if entry.startswith(_PREFIX):
            return Marker.read(entry[len(_PREFIX) :].decode(errors="replace"))
    return None


def _namespace(pid: str) -> str:
    """The pid namespace, as the kernel names it; "-" where there are none."""
    try:
        return str(Path(f"/proc/{pid}/ns/pid").readlink()).removeprefix("pid:").strip("[]")
    except OSError:
        return "-"
