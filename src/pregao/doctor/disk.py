"""Whether a disk has room for what its engine will write."""

from __future__ import annotations

import shutil
from pathlib import Path

from pregao.doctor.finding import Finding, error, ok, warning

LOW_BYTES, NO_ROOM_BYTES = 1 << 30, 128 << 20


def look_at_disk(subject: str, directory: str | Path) -> Finding:
    """The room that is left on the disk of `directory`, or why that cannot be known."""
    try:
        usage = shutil.disk_usage(directory)
    except OSError as reason:
        told = f"{directory} cannot be looked at: {reason.strerror}"
        return warning(subject, told, "look at it as the user of the server")
    return judge_room(subject, directory, usage.free, usage.total)


def judge_room(subject: str, directory: str | Path, free_bytes: int, total_bytes: int) -> Finding:
    """`free_bytes` of `total_bytes`: little is a warning, next to nothing an error."""
    detail = f"{_gb(free_bytes)} of {_gb(total_bytes)} are free on the disk of {directory}"
    cure = "make room: when it is full, jobs are refused and nothing is recorded"
    if free_bytes < NO_ROOM_BYTES:
        return error(subject, detail, cure)
    return warning(subject, detail, cure) if free_bytes < LOW_BYTES else ok(subject, detail)


def _gb(size_bytes: int) -> str:
    return f"{size_bytes / (1 << 30):.1f} GB"
