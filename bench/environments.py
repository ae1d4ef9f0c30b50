"""The environments that contestants run in: ours is this one, each peer has one that may be thrown away."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from bench.contestant import OURS

PEERS_FILE = Path(__file__).with_name("peers.txt")
DIRECTORY = Path(__file__).parents[1] / ".bench"


def peers() -> dict[str, list[str]]:
    """Requirements by peer, as `peers.txt` pins them."""
    lines = (line.split() for line in PEERS_FILE.read_text().splitlines() if line.strip() and not line.startswith("#"))
    return {name: requirements for name, *requirements in lines}


def python_of(name: str) -> str:
    """The interpreter of a contestant; a peer's environment is made the first time, and again when its pins change.

    Raises subprocess.CalledProcessError when something cannot be installed.
    """
    if name in OURS:
        return sys.executable
    requirements = peers()[name]
    digest = hashlib.sha256(" ".join([sys.version, *requirements]).encode()).hexdigest()[:12]
    environment = DIRECTORY / f"{name}-{digest}"
    python, stamp = environment / "bin" / "python", environment / "installed"
    if not stamp.exists():
        print(f"installing {name} into {DIRECTORY.name}/{environment.name} ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check", *requirements]
        subprocess.run(pip, check=True)
        stamp.touch()
    return str(python)
