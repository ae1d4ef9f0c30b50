"""What makes a run of the system a demo: its settings, its sample server, and a data directory of its own."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from pregao.domain.clock import Clock
from pregao.domain.errors import InvalidInput
from pregao.sample_market.access import KEYS, addresses
from pregao.settings import Settings, is_owned
from pregao.settings.given import SAMPLE
from pregao.system.child import Child

HOME = ".pregao-demo"
MARKET = "sample-market"
SEED_VARIABLE, SOCKET_VARIABLE = "PREGAO_SAMPLE_SEED", "PREGAO_SAMPLE_SOCKET"
"""How the sample server is told its seed, and the descriptor of the socket that it answers on."""

KEPT = frozenset(
    {
        *("PREGAO_HOME", "API_HOST", "API_PORT", "PREGAO_ALLOW_OPEN_API", "LOG_LEVEL", "LOG_FILE"),
        *("SCRAPER_CONCURRENT_JOBS", "PREGAO_GRACE_SECONDS", "PREGAO_MAXMEMORY_MB"),
    }
)
"""The settings of the environment that a demo takes over: none that lead to real servers, sources or keys."""
_OURS = ("PREGAO_", "SCRAPER", "REDIS_", "DB_", "DATABASE_URL")
_KEYS = ("_API_KEY", "_TOKEN")
_MARK = "sample-data"
_FILES = frozenset({"owner.lock", "run.json"})


@dataclass(frozen=True, slots=True)
class SampleRun:
    """One demo. `environment` is the whole one of its processes; `variables` are those settings in it that commands in
    other terminals need as well.
    """

    environment: Mapping[str, str]
    variables: Mapping[str, str]
    seed: int
    listening: socket.socket

    def market(self, command: Sequence[str], environment: Mapping[str, str], clock: Clock) -> Child:
        """The sample server's process. It inherits an open socket: no port is lost when it is started again."""
        told = {SEED_VARIABLE: str(self.seed), SOCKET_VARIABLE: str(self.listening.fileno())}
        return Child(MARKET, command, {**environment, **told}, clock, inherited=[self.listening.fileno()])


@contextmanager
def sample_run(seed: int, environ: Mapping[str, str]) -> Iterator[SampleRun]:
    """Settings for a demo in the surroundings of `environ`, and the open socket of its sample server."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        variables = demo_variables(f"http://127.0.0.1:{listening.getsockname()[1]}")
        kept = {name: value for name, value in environ.items() if name in KEPT or not _is_ours(name)}
        yield SampleRun({"PREGAO_HOME": HOME, **kept, **variables}, variables, seed, listening)


def demo_variables(origin: str) -> dict[str, str]:
    """The settings of a demo whose sample server is at `origin`."""
    return {
        SAMPLE: "1",
        "PREGAO_SCHEDULES": str(files("pregao.sample_market") / "schedules.yaml"),
        "PREGAO_AI_BUDGET_USD": "1000000",
        **addresses(origin),
        **KEYS,
    }


def prepare_home(settings: Settings, *, fresh: bool) -> None:
    """Make sure that the home is a demo's alone, without downloads of another run; `fresh` empties it first.

    Raises InvalidInput for a directory that holds anything else. One that is in use is left alone: it is refused later.
    """
    home = settings.home
    if home.exists() and any(entry.name not in _FILES for entry in home.iterdir()) and not (home / _MARK).exists():
        raise InvalidInput(
            "PREGAO_HOME", str(home), "holds data that are no demo's", "leave it out, or name another directory"
        )
    if home.exists() and is_owned(home):
        return
    if fresh:
        shutil.rmtree(home, ignore_errors=True)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    (home / _MARK).write_text("What is in this directory was made up by `pregao demo`.\n")
    # The files of one seed must not pass for those of another.
    shutil.rmtree(home / "cache", ignore_errors=True)


def own_command() -> str:
    """How to call `pregao` in a terminal that stands where this process does."""
    beside = Path(sys.executable).with_name("pregao")
    if not beside.exists():
        return f"{sys.executable} -m pregao"
    return os.path.relpath(beside) if beside.is_relative_to(Path.cwd()) else str(beside)


def _is_ours(name: str) -> bool:
    return name.startswith(_OURS) or name.endswith(_KEYS)
