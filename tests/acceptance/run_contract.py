"""Start the complete system with `python scheduler.py` and run the contract's snippets; print what came out as JSON.

Runs in a process of its own, in a network namespace of its own where the machine allows one: then ports 3000, 6379 and
5432 are free, and every snippet runs word for word. Elsewhere the ports in the snippets are replaced.

    python -m tests.acceptance.run_contract ROOT HOME isolated|shared
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import io
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from tests.acceptance import contract_snippets as contract

SIOCSIFFLAGS = 0x8914
IFF_UP_RUNNING = 0x41


class System:
    """The running system, and the snippets run against it."""

    def __init__(self, root: Path, home: Path, isolated: bool) -> None:
        self.root = root
        self.home = home
        self.replace = {} if isolated else {"localhost:3000": f"localhost:{_free_port()}"}
        self.environ = dict(os.environ)
        if not isolated:
            self.environ["API_PORT"] = self.replace["localhost:3000"].partition(":")[2]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.home / "system.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(self.root / "scheduler.py")],
                cwd=self.home, env=self.environ, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        self.wait_until_healthy()
        if self.replace:
            run_file = json.loads((self.home / ".pregao" / "run.json").read_text())
            port = run_file["redis_url"].rpartition(":")[2].partition("/")[0]
            self.replace["port=6379"] = f"port={port}"

    def wait_until_healthy(self) -> None:
        url = self.verbatim("http://localhost:3000/api/jobs/health")
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(url, timeout=5) as answer:
                    if json.load(answer)["status"] == "healthy":
                        return
            except OSError:
                pass
            if time.monotonic() > deadline:
                raise TimeoutError((self.home / "system.log").read_text()[-4000:])
            time.sleep(0.1)

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)

    def verbatim(self, snippet: str) -> str:
        """The snippet as it stands, with other ports where this machine cannot lend the real ones."""
        for there, here in self.replace.items():
            snippet = snippet.replace(there, here)
        return snippet

    def shell(self, snippet: str) -> str:
        done = subprocess.run(
            ["bash", "-c", self.verbatim(snippet)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=self.home,
        )
        return done.stdout

    def curl(self, snippet: str) -> Any:
        return json.loads(self.shell(snippet))

    def python(self, snippet: str) -> str:
        """Run a snippet with `await` at its top level, as in an asyncio console."""
        out = io.StringIO()
        body = "\n".join(f"    {line}" for line in self.verbatim(snippet).splitlines())
        space: dict[str, Any] = {}
        exec(f"async def snippet():\n{body}\n    return locals()", space)

        async def run() -> None:
            left = await space["snippet"]()
            for thing in (left.get("queue"), left.get("scheduler")):
                if thing is not None:
                    await (thing.close() if hasattr(thing, "close") else thing.stop())

        with contextlib.redirect_stdout(out):
            asyncio.run(run())
        return out.getvalue()

    def redis_cli(self) -> str:
        """The snippet with the real client where there is one, else its words sent to the server."""
        if shutil.which("redis-cli") and not self.replace:
            return self.shell(contract.REDIS_CLI).strip()
        host, port = "localhost", int(self.replace.get("port=6379", "port=6379").partition("=")[2])
        with socket.create_connection((host, port), timeout=5) as connection:
            connection.sendall(contract.REDIS_CLI.removeprefix("redis-cli ").encode() + b"\r\n")
            return connection.recv(100).decode().strip().lstrip("+")


async def push_the_contracts_job() -> bool:
    from scheduler import Job, JobPriority, JobQueue  # type: ignore[attr-defined]

    queue = JobQueue()
    try:
        job = Job(id=contract.JOB_ID, scraper_name="BCB", ticker="SELIC", priority=JobPriority.LOW)
        return bool(await queue.push(job))
    finally:
        await queue.close()


async def rows(statement: str, database_url: str) -> list[list[str]]:
    import asyncpg

    connection = await asyncpg.connect(database_url)
    try:
        return [[str(value) for value in row.values()] for row in await connection.fetch(statement)]
    finally:
        await connection.close()


def database_url(system: System) -> str:
    shown = subprocess.run(
        [sys.executable, str(system.root / "scheduler.py"), "env"],
        capture_output=True, text=True, check=True, cwd=system.home, env=system.environ,
    ).stdout  # fmt: skip
    return next(line.partition("=")[2] for line in shown.splitlines() if line.startswith("DATABASE_URL="))


def follow(system: System) -> subprocess.Popen[str]:
    """The subscriber of the contract, which listens for ever, in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-u", "-c", system.verbatim(contract.SUBSCRIBE)],
        stdout=subprocess.PIPE, text=True, cwd=system.home,
    )  # fmt: skip


def wait_until_ended(system: System, job_id: str) -> Any:
    url = f"curl http://localhost:3000/api/jobs/{job_id}"
    deadline = time.monotonic() + 60
    while (job := system.curl(url))["status"] not in ("completed", "failed", "cancelled"):
        if time.monotonic() > deadline:
            raise TimeoutError(json.dumps(job))
        time.sleep(0.1)
    return job


def run(system: System) -> dict[str, Any]:
    """Every snippet, in an order in which each has something to show."""
    found: dict[str, Any] = {"redis-cli ping": system.redis_cli(), "workers": system.shell(contract.WORKERS)}
    listener = follow(system)
    try:
        assert listener.stdout is not None
        time.sleep(1)  # a subscriber has no way to say that it listens
        found["create"] = system.curl(contract.CREATE)
        found["event"] = listener.stdout.readline()
    finally:
        listener.kill()
        listener.wait()
    found["ended"] = wait_until_ended(system, found["create"]["id"])
    found["push"] = asyncio.run(push_the_contracts_job())
    for name in ("get", "list", "list by scraper", "list by ticker", "list by page", "queue status"):
        found[name] = system.curl(contract.CURLS[name])
    found["delete"] = system.curl(contract.CURLS["delete"])
    wait_until_ended(system, contract.JOB_ID)
    found["retry"] = system.curl(contract.CURLS["retry"])
    for name in ("list by status", "stats summary", "stats by scraper"):
        found[name] = system.curl(contract.CURLS[name])
    url = database_url(system)
    found["recent"] = asyncio.run(rows(contract.RECENT_EXECUTIONS, url))
    found["rate"] = asyncio.run(rows(contract.SUCCESS_RATE, url))
    found["python queue"] = system.python(contract.QUEUE_STATUS)
    found["python schedules"] = system.python(contract.SCHEDULED_JOBS)
    return found


def _bring_loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP_RUNNING))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    root, home, mode = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    if mode == "isolated":
        _bring_loopback_up()
    os.chdir(home)
    sys.path.insert(0, str(root))
    system = System(root, home, mode == "isolated")
    try:
        system.start()
        found = run(system)
    finally:
        system.stop()
    found["log"] = (home / "system.log").read_text(errors="replace")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
