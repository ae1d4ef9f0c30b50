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
import orjson

from pregao.domain.classification import retry_after_seconds
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers import failures
from pregao.scrapers.base import ScraperSettings
from pregao.scrapers.loop_local import LoopLocal

USER_AGENT = "Pregao/0.1 (market data scheduler; httpx)"
BROWSER_USER_AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Pregao/0.1"
)
"""For sources that answer 403 to whatever does not look like a browser; it still says who we are."""
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
    headers: Mapping[str, str]

    @property
    def retry_after_seconds(self) -> float | None:
        """What the source asks to wait, None when it does not say."""
        return retry_after_seconds(self.headers.get("retry-after"), self.headers.get("date"))

    def refusal(self) -> ScrapeError:
        """The failure that its status stands for, for a caller who accepted the status and finds no better reason."""
        return failures.of_status(self.status, self.headers, self.body, self.url)


class Site:
    """One source's door to the network.

    `PREGAO_UPSTREAM_<SOURCE>` replaces scheme and host of every origin of the source; the path stays. `user_agent`
    and `headers` are for sources that answer only what looks like a browser; `PREGAO_USER_AGENT_<SOURCE>` replaces
    the user agent. `secret_headers` carry a key: they are sent to nobody else, so that redirects are not followed.
    """

    def __init__(
        self,
        source: str,
        settings: ScraperSettings,
        *,
        user_agent: str = USER_AGENT,
        headers: Mapping[str, str] | None = None,
        secret_headers: Mapping[str, str] | None = None,
        max_bytes: int = MAX_BYTES,
        read_timeout_seconds: float | None = None,
    ) -> None:
        self._source = source
        self._settings = settings
        own = {"User-Agent": settings.user_agent(source, user_agent), "Accept-Encoding": "gzip"}
        self._headers = {**own, **(headers or {}), **(secret_headers or {})}
        self._follows = not secret_headers
        self._max_bytes = max_bytes
        self._read_timeout_seconds = read_timeout_seconds

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
        return await self._ask("GET", default_origin, path, accept, params=params, follow_redirects=self._follows)

    async def post_json(
        self, default_origin: str, path: str, document: object, *, accept: frozenset[int] = frozenset()
    ) -> Reply:
        """POST `document` as JSON; as `get` in all else, except that no redirect is followed."""
        return await self.post(default_origin, path, orjson.dumps(document), "application/json", accept=accept)

    async def post(
        self,
        default_origin: str,
        path: str,
        content: bytes,
        content_type: str,
        *,
        headers: Mapping[str, str] | None = None,
        accept: frozenset[int] = frozenset(),
    ) -> Reply:
        """POST `content`; as `get` in all else, except that no redirect is followed."""
        typed = {**(headers or {}), "Content-Type": content_type}
        return await self._ask("POST", default_origin, path, accept, headers=typed, content=content)

    def _timeout(self) -> httpx.Timeout:
        if self._read_timeout_seconds is None:
            return TIMEOUT
        return httpx.Timeout(**{**TIMEOUT.as_dict(), "read": self._read_timeout_seconds})

    async def _ask(
        self,
        method: str,
        default_origin: str,
        path: str,
        accept: frozenset[int],
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        follow_redirects: bool = False,
    ) -> Reply:
        origin = self.origin(default_origin)
        try:
            request = _client(origin).stream(
                method,
                origin + path,
                params=params,
                headers={**self._headers, **(headers or {})},
                content=content,
                follow_redirects=follow_redirects,
                timeout=self._timeout(),
            )
            async with request as response:
                body = await _read(response, self._max_bytes)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise failures.of_transport(error, origin) from error
        reply = Reply(
            url=str(response.url),
            status=response.status_code,
            content_type=response.headers.get("content-type", "").partition(";")[0].strip().lower(),
            body=body,
            headers=response.headers,
        )
        if reply.status != 200 and reply.status not in accept:
            raise reply.refusal()
        return reply


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
