"""What worker, zygote and runner say to each other.

The worker and a zygote share one stream; each job has a stream of its own between the worker and its runner. In a
`Launch` the zygote gets the runner's ends of that stream and of the pipe that takes what the runner prints.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from pregao.attempt.outcome import Completed, Failed

InitializeMode = Literal["auto", "always", "never"]
KillReason = Literal["memory", "cpu", "processes", "deadline", "asked", "abandoned"]
ZygoteMode = Literal["preloaded", "bare", "warm"]


class Target(msgspec.Struct, frozen=True):
    """One scraper of a directory. `run_init` False leaves the `__init__` of its packages out.

    `browser` says that its module drives a browser by itself.
    """

    directory: str
    module: str
    class_name: str
    browser: bool = False
    run_init: bool = True


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one attempt may take, over its whole process tree; None is no limit.

    `memory_mb` counts 1,048,576 bytes; `tasks` are processes and threads together, as the kernel counts them.
    """

    memory_mb: int | None = None
    cpu_seconds: float | None = None
    tasks: int | None = None


# --- worker → zygote -----------------------------------------------------------------------------------------------


class Prepare(msgspec.Struct, frozen=True, tag=True):
    """The first message: which directory to serve, and how. `targets` are loaded now if the mode says so."""

    directory: str
    mode: ZygoteMode
    targets: list[Target]


class Launch(msgspec.Struct, frozen=True, tag=True):
    """Start a runner. Comes with two descriptors: its stream to the worker, and the pipe for what it prints.

    `deadline_seconds` is when the zygote kills it unasked, for the case that the worker cannot ask.
    """

    id: int
    name: str
    marker: str
    scratch: str
    limits: Limits
    deadline_seconds: float


class Kill(msgspec.Struct, frozen=True, tag=True):
    """End a runner and all that it started: SIGTERM, then SIGKILL."""

    id: int


ToZygote = Prepare | Launch | Kill


# --- zygote → worker -----------------------------------------------------------------------------------------------


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The directory is loaded. `files` are the loaded ones with (modified in ns, bytes), to see a change.

    `changed` says that one of them was written while it was loaded. `threads` above 1 mean that this process must not
    fork: it only guards, or is to be started in another mode.
    """

    threads: int
    files: dict[str, tuple[int, int]]
    changed: bool
    problems: list[str]


class Refused(msgspec.Struct, frozen=True, tag=True):
    """No runner could be started for this launch."""

    id: int
    why: str


class Ended(msgspec.Struct, frozen=True, tag=True):
    """A runner and all that it started are gone. `signal` ended it, or it left with `code`; both None: nobody saw.

    `reason` and `story` are there when it was killed from here. `out_of_memory` says that the kernel killed for memory
    meanwhile. `left_over` counts processes that it left behind.
    """

    id: int
    code: int | None = None
    signal: int | None = None
    reason: KillReason | None = None
    story: str = ""
    peak_memory_mb: float | None = None
    cpu_seconds: float | None = None
    out_of_memory: bool = False
    left_over: int = 0


FromZygote = Ready | Refused | Ended


# --- zygote → its child --------------------------------------------------------------------------------------------


class Assignment(msgspec.Struct, frozen=True, tag=True):
    """A launch, with the cgroup that the child is to join. Comes with the launch's descriptors."""

    launch: Launch
    group: str | None


ToChild = Prepare | Assignment


# --- runner ↔ worker -----------------------------------------------------------------------------------------------


class Hello(msgspec.Struct, frozen=True, tag=True):
    """The runner stands and waits for its task."""

    pid: int


class Task(msgspec.Struct, frozen=True, tag=True):
    """What to run, with the argument exactly as it was given."""

    target: Target
    argument: str | None
    timeout_seconds: float
    cleanup_seconds: float
    initialize: InitializeMode


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """Stop now: cancel the scraper, clean up, end."""


FromRunner = Hello | Completed | Failed
ToRunner = Task | Cancel

# --- decoders: made once, since making one takes longer than a message -----------------------------------------------

TO_ZYGOTE: msgspec.msgpack.Decoder[ToZygote] = msgspec.msgpack.Decoder(ToZygote)
FROM_ZYGOTE: msgspec.msgpack.Decoder[FromZygote] = msgspec.msgpack.Decoder(FromZygote)
TO_CHILD: msgspec.msgpack.Decoder[ToChild] = msgspec.msgpack.Decoder(ToChild)
TO_RUNNER: msgspec.msgpack.Decoder[ToRunner] = msgspec.msgpack.Decoder(ToRunner)
FROM_RUNNER: msgspec.msgpack.Decoder[FromRunner] = msgspec.msgpack.Decoder(FromRunner)
