"""A server on loopback that speaks HTTP/2 over TLS and nothing else, and tells its connections apart."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trustme
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived

HOST = "127.0.0.1"


@dataclass
class Http2Upstream:
    """What was asked of it: for each connection the paths in their order. `authority` is the file to trust it by."""

    authority: Path
    url: str = ""
    connections: list[list[str]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer every request of one connection with its path."""
        asked: list[str] = []
        self.connections.append(asked)
        protocol = H2Connection(H2Configuration(client_side=False))
        protocol.initiate_connection()
        writer.write(protocol.data_to_send())
        while data := await reader.read(65_536):
            for event in protocol.receive_data(data):
                if isinstance(event, RequestReceived) and event.stream_id is not None:
                    path = dict(event.headers or [])[b":path"]
                    asked.append(path.decode())
                    protocol.send_headers(event.stream_id, [(b":status", b"200")])
                    protocol.send_data(event.stream_id, path, end_stream=True)
            writer.write(protocol.data_to_send())
        writer.close()


@asynccontextmanager
async def http2_upstream(folder: Path) -> AsyncIterator[Http2Upstream]:
    """Serve in the running event loop; `folder` takes the certificate of its authority."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    context.set_alpn_protocols(["h2"])
    upstream = Http2Upstream(folder / "authority.pem")
    server = await asyncio.start_server(upstream.serve, HOST, 0, ssl=context)
    async with server:
        upstream.url = f"https://{HOST}:{server.sockets[0].getsockname()[1]}"
        yield upstream
