"""A real Chromium, driven by its HTTP door: as simple as a browser can be had without a library."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import tempfile

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-dev-shm-usage", "--no-first-run", "--no-default-browser-check", "--mute-audio",
)  # fmt: skip


class Browser:
    def __init__(self, program: str) -> None:
        self.program = program
        self.process: asyncio.subprocess.Process | None = None
        self.profile = ""
        self.port = 0

    async def start(self) -> None:
        self.profile = tempfile.mkdtemp(prefix="profile-")
        self.process = await asyncio.create_subprocess_exec(
            self.program,
            *FLAGS,
            f"--user-data-dir={self.profile}",
            "--remote-debugging-port=0",
            "about:blank",
            stderr=asyncio.subprocess.PIPE,
        )
        assert self.process.stderr is not None
        while line := (await self.process.stderr.readline()).decode(errors="replace"):
            if "DevTools listening on ws://127.0.0.1:" in line:
                self.port = int(line.split("127.0.0.1:", 1)[1].split("/", 1)[0])
                return
        raise RuntimeError(f"{self.program} did not start")

    async def title_of(self, address: str) -> str:
        """Open a page by the browser's HTTP door, and read its title there once it has one."""
        target = await self._ask("PUT", f"/json/new?{address}")
        for _ in range(200):
            pages = await self._ask("GET", "/json/list")
            title = next((page["title"] for page in pages if page["id"] == target["id"]), "")
            if title and not title.startswith(("about:", "data:")):
                return title
            await asyncio.sleep(0.05)
        raise RuntimeError(f"{address} has no title")

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            await self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)

    async def _ask(self, method: str, path: str):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        request = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nConnection: close\r\n\r\n"
        writer.write(request.encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(re.search(r"content-length: *(\d+)", head, re.IGNORECASE)[1])
        body = await reader.readexactly(length)
        writer.close()
        if " 200 " not in head.split("\r\n", 1)[0]:
            raise RuntimeError(body.decode(errors="replace"))
        return json.loads(body)
