"""Fetching over HTTP: one client per host and event loop, bounded answers, and failures that have a class."""

from __future__ import annotations

import ipaddress
import ssl
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache

import httpx

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers import failures
from pregao.scrapers.base import ScraperSettings
from pregao.scrapers.loop_local import LoopLocal

USER_AGENT = "Pregao/0.1 (market data scheduler; httpx)"
TIMEOUT = httpx.Timeout(connect=10, read=20, write=10, pool=60)
LIMITS = httpx.Limits(max_connections=8, max_keepalive_connections=4, keepalive_expiry=30)
MAX_BYTES = 8 * 1024 * 1024
MAX_REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that the caller accepts. `body` is decompressed; `content_type` is lower case without parameters."""

    url: str
    status: int
    content_type: str
    body: bytes


class Site:
    """One source's door to the network.

    `PREGAO_UPSTREAM_<SOURCE>` replaces scheme and host of every origin of the source; the path stays. `user_agent`
    and `headers` are for sources that answer only what looks like a browser.
    """

    def __init__(
        self,
        source: str,
        settings: ScraperSettings,
        *,
        user_agent: str = USER_AGENT,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._source = source
        self._settings = settings
        self._headers = {"User-Agent": user_agent, "Accept-Encoding": "gzip", **(headers or {})}
        self._max_bytes = max_bytes

    def origin(self, default: str) -> str:
        """Scheme and host that stand for `default`, without a trailing slash."""
        return self._settings.upstream(self._source, default).rstrip("/")

    async def get(
        self,
        default_origin: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        accept: frozenset[int] = frozenset(),
    ) -> Reply:
        """GET `path`, and return the answer if its status is 200 or one of `accept`.

        Raises ScrapeError: NETWORK, TIMEOUT, RATE_LIMITED, BLOCKED, LOGIN, VALIDATION or PERMANENT.
        """
        origin = self.origin(default_origin)
        try:
            client = _client(origin)
            async with client.stream("GET", origin + path, params=params, headers=self._headers) as response:
                body = await _read(response, self._max_bytes)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise failures.of_transport(error, origin) from error
        if response.status_code != 200 and response.status_code not in accept:
            raise failures.of_status(response.status_code, response.headers, body, str(response.url))
        return Reply(
            url=str(response.url),
            status=response.status_code,
            content_type=response.headers.get("content-type", "").partition(";")[0].strip().lower(),
            body=body,
        )


@asynccontextmanager
async def shared_clients() -> AsyncIterator[None]:
    """Keep the running event loop's clients for as long as the block runs; the last block that ends closes them."""
    users = _users.get()
    users.append(None)
    try:
        yield
    finally:
        users.pop()
        if not users:
            await aclose_clients()


async def aclose_clients() -> None:
    """Close the running event loop's clients; later requests open new ones. Call it before the loop ends."""
    clients = _clients.get()
    while clients:
        _, client = clients.popitem()
        await client.aclose()


_clients: LoopLocal[dict[str, httpx.AsyncClient]] = LoopLocal(dict)
_users: LoopLocal[list[None]] = LoopLocal(list)


def _client(origin: str) -> httpx.AsyncClient:
    clients = _clients.get()
    client = clients.get(origin)
    if client is None:
        url = httpx.URL(origin)
        client = clients[origin] = httpx.AsyncClient(
            http2=True,
            verify=_tls(),
            timeout=TIMEOUT,
            limits=LIMITS,
            follow_redirects=True,
            max_redirects=MAX_REDIRECTS,
            # A proxy from the environment is for the outside; a recorded upstream on this machine is inside.
            trust_env=not _is_loopback(url.host),
        )
    return client


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _read(response: httpx.Response, limit: int) -> bytes:
    """The body, decompressed by us: httpx would expand a whole chunk before anybody could look at its size."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    host = response.url.host
    if encoding not in ("identity", "gzip", ""):
        raise ScrapeError(
            f"{host} answered in the encoding {encoding!r}, which was not asked for", FailureClass.VALIDATION
        )
    inflater = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
    body = bytearray()
    async for chunk in response.aiter_raw():
        try:
            body += inflater.decompress(chunk, limit + 1 - len(body)) if inflater else chunk
        except zlib.error as error:
            raise ScrapeError(f"{host} answered with broken gzip: {error}", FailureClass.NETWORK) from error
        if len(body) > limit:
            raise ScrapeError(f"the answer of {host} is larger than {limit} bytes", FailureClass.VALIDATION)
    if inflater and body and not inflater.eof:
        raise ScrapeError(f"{host} answered with gzip that ends too early", FailureClass.NETWORK)
    return bytes(body)
