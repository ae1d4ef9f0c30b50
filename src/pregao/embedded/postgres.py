"""The embedded PostgreSQL: on a private socket, and on 127.0.0.1 with a generated password."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

from pregao.domain.errors import EngineError
from pregao.embedded.binaries import major_version, postgres_binaries
from pregao.embedded.home import free_port
from pregao.embedded.supervise import EngineProcess, end_leftovers, launcher

ROLE = "pregao"
DATABASE = "pregao"
START_SECONDS = 120.0
"""Crash recovery of a busy database takes a while."""

PORT_RETRIES = 5
STATUS_LINE = 7
"""The line of postmaster.pid that says `ready`."""

OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "dynamic_shared_memory_type": "mmap",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "log_checkpoints": "off",
}
THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
HOST_RULES = """\
local all all trust
host  all all 127.0.0.1/32 scram-sha-256
"""


class Postgres:
    """One server over one data directory. `start()` after `kill()` or `stop()` continues on the same port and data.

    Under root the server runs as `postgres` or `nobody`, since it refuses root. It then reaches its directories
    through inherited descriptors, so that the path to them may stay closed to that user.
    """

    def __init__(self, directory: Path, sockets: Path, log: Path, *, port: int = 5432, durable: bool = True) -> None:
        """`port` is a wish: when it is taken, another is used. `durable` False trades safety for speed, for tests."""
        self.port = port
        self._directory = directory
        self._sockets = sockets / "pg"
        self._durable = durable
        self._user = _server_user()
        self._binaries: Path | None = None
        self._password = ""
        self.process = EngineProcess("PostgreSQL", log, signal.SIGINT, self._user)

    @property
    def url(self) -> str:
        """For this machine's scripts: with the password in it."""
        return self.url_of(DATABASE)

    @property
    def private_url(self) -> str:
        """Through the socket: for our own processes."""
        return self.private_url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """`url` for another database of this server."""
        return f"postgresql://{ROLE}:{self._password}@127.0.0.1:{self.port}/{database}"

    def private_url_of(self, database: str) -> str:
        """`private_url` for another database of this server."""
        return f"postgresql://{ROLE}@/{database}?host={quote(str(self._sockets))}&port={self.port}"

    def start(self) -> None:
        """Launch and wait until it answers. Raises EngineError."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start the server without waiting for it; the first time, make its data directory."""
        self._end_leftovers(signal.SIGQUIT)
        if self._binaries is None:
            self._prepare()
        self._spawn()

    def wait_ready(self) -> None:
        """Block until it accepts connections. Raises EngineError."""
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
                self._spawn()

    def stop(self) -> None:
        """End it cleanly: open transactions are rolled back, the data stays."""
        self.process.stop()

    def kill(self) -> None:
        """End it as a crash would, its children included."""
        self.process.kill()
        end_leftovers(self._data, signal.SIGKILL)

    @property
    def _data(self) -> Path:
        return self._directory / "data"

    def _prepare(self) -> None:
        for path in (self._directory, self._sockets):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._user is not None:
                os.chown(path, self._user.pw_uid, self._user.pw_gid)
        self._check_owner()
        self._binaries = postgres_binaries(self._data, self._user)
        for draft in self._directory.glob("data.init*"):
            shutil.rmtree(draft)
        password_file = self._directory.with_name("postgres.password")
        if not password_file.exists() or not (self._data / "PG_VERSION").exists():
            self._password = secrets.token_urlsafe(24)
            self._initialise()
            _write_private(password_file, self._password)
        self._password = password_file.read_text().strip()
        self.port = free_port(self.port)

    def _end_leftovers(self, stop_signal: signal.Signals) -> None:
        """End what a crash left, so that a start finds the directory free."""
        lock = self._data / "postmaster.pid"
        if not lock.exists():
            return
        end_leftovers(self._data, stop_signal)
        # PostgreSQL believes in these files for as long as there is any process with the pid in them, a zombie or
        # another program included. We hold the home, and nothing lives in the data directory: they are stale.
        for stale in (lock, *self._sockets.glob(".s.PGSQL.*")):
            stale.unlink(missing_ok=True)

    def _check_owner(self) -> None:
        if not self._data.exists():
            return
        owner, needed = self._data.stat().st_uid, self._user.pw_uid if self._user else os.geteuid()
        if owner != needed:
            raise EngineError(
                f"{self._data} belongs to user {owner}, and PostgreSQL would run as user {needed}: "
                "start Pregão as the user who did so first, or set PREGAO_HOME to another directory"
            )

    def _initialise(self) -> None:
        """Make the data directory under another name and rename it when it is whole."""
        data = self._data
        if not (data / "PG_VERSION").exists():
            data = self._directory / f"data.init{os.getpid()}"
            self._make_cluster(data)
        statements = f"ALTER ROLE {ROLE} PASSWORD '{self._password}';\n"
        if data != self._data:
            statements += f"CREATE DATABASE {DATABASE};\n"
        self._run("postgres", "--single", "-D", data, "postgres", statements=statements)
        if data != self._data:
            data.rename(self._data)

    def _make_cluster(self, data: Path) -> None:
        assert self._binaries is not None
        locale = ["--locale=C"]
        if major_version(self._binaries) >= 17:
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        sync = [] if self._durable else ["--no-sync"]
        self._run("initdb", "-D", data, "-U", ROLE, "-E", "UTF8", "-A", "trust", *locale, *sync)
        (data / "pg_hba.conf").write_text(HOST_RULES)

    def _run(self, program: str, *arguments: str | Path, statements: str = "") -> None:
        assert self._binaries is not None
        with self._doors() as doors:
            command = [str(self._binaries / program), *(doors.seen(argument) for argument in arguments)]
            done = subprocess.run(
                launcher(command, signal.SIGKILL, self._user, keeper=False),
                cwd="/",
                env={"LC_ALL": "C", "TZ": "UTC", "PATH": os.environ.get("PATH", os.defpath)},
                input=statements,
                capture_output=True,
                text=True,
                pass_fds=doors.descriptors,
                check=False,
            )
        if done.returncode != 0 or "ERROR:" in done.stderr or "FATAL:" in done.stderr:
            raise EngineError(f"{program} failed: {(done.stderr or done.stdout).strip()[-2000:]}")

    def _spawn(self) -> None:
        assert self._binaries is not None
        options = {**OPTIONS, "port": str(self.port)} | ({} if self._durable else THROW_AWAY)
        if major_version(self._binaries) >= 18:
            options["io_method"] = "sync"
        with self._doors() as doors:
            options["unix_socket_directories"] = doors.seen(self._sockets)
            settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
            command = [str(self._binaries / "postgres"), "-D", doors.seen(self._data), *settings]
            self.process.launch(command, cwd=Path("/"), pass_fds=doors.descriptors)

    def _answers(self) -> bool:
        lines = (self._data / "postmaster.pid").read_text().splitlines()
        return len(lines) > STATUS_LINE and int(lines[0]) == self.process.pid and lines[STATUS_LINE].strip() == "ready"

    def _doors(self) -> Doors:
        return Doors((self._directory, self._sockets), needed=self._user is not None and sys.platform == "linux")


class Doors:
    """Directories as a server of another user sees them: through descriptors that it inherits from us.

    The path to a directory may be closed to that user, for example under a private home; `/proc/self/fd/N` is not.
    Not `needed`: the paths as they are.
    """

    def __init__(self, directories: tuple[Path, ...], *, needed: bool) -> None:
        self._directories = directories if needed else ()
        self._open: dict[Path, int] = {}

    def __enter__(self) -> Doors:
        for directory in self._directories:
            self._open[directory] = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        return self

    def __exit__(self, *error: object) -> None:
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()

    @property
    def descriptors(self) -> tuple[int, ...]:
        """To hand to the server's process."""
        return tuple(self._open.values())

    def seen(self, argument: str | Path) -> str:
        """`argument`, or when it is a path in one of the directories, the path that the server is to use."""
        if isinstance(argument, Path):
            for directory, descriptor in self._open.items():
                if argument.is_relative_to(directory):
                    return str(Path(f"/proc/self/fd/{descriptor}") / argument.relative_to(directory))
        return str(argument)


def _server_user() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise EngineError("PostgreSQL does not run as root, and there is neither a user postgres nor nobody: add one")


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text + "\n")
