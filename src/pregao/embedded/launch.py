"""Become an engine that cannot outlive its supervisor: drop the user, tie the life, exec.

Run as a script by a bare interpreter, so that nothing has to run between fork and exec in the supervisor:

    python -I -S launch.py SUPERVISOR_PID SIGNAL UID GID KEEPER -- COMMAND…

A UID of -1 keeps the user. With KEEPER 0 the kernel sends SIGNAL when the supervisor dies (Linux; elsewhere nothing
does). With KEEPER 1 a small process waits for the end of this one's standard input, whose other end the supervisor
holds, and sends it then.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time

PR_SET_PDEATHSIG = 1
KEEPER_PATIENCE_SECONDS = 10


def die_with_parent(signal_number: int, parent: int) -> None:
    """Have the kernel send `signal_number` to this process when its parent dies; exit now when it already did.

    Linux only. The tie is to the thread that forked: the parent must start its children from its main thread.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        os._exit(1)


def _fork_keeper(signal_number: int) -> None:
    engine = os.getpid()
    if os.fork():
        with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - pathlib costs this script's start-up
            os.dup2(nothing.fileno(), 0)
        return
    os.setsid()
    while os.read(0, 4096):
        pass
    try:
        os.kill(engine, signal_number)
        for _ in range(KEEPER_PATIENCE_SECONDS * 20):
            time.sleep(0.05)
            os.kill(engine, 0)
        os.kill(engine, 9)
    except ProcessLookupError:
        pass
    os._exit(0)


def _main(arguments: list[str]) -> None:
    supervisor, signal_number, uid, gid, keeper = (int(argument) for argument in arguments[:5])
    command = arguments[6:]
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if keeper:
        _fork_keeper(signal_number)
    elif sys.platform == "linux":
        # After setuid: a change of user clears the tie.
        die_with_parent(signal_number, supervisor)
    os.execv(command[0], command)


if __name__ == "__main__":
    _main(sys.argv[1:])
