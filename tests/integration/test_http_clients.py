"""One client a host: HTTP/2 where the source speaks it, and no more connections than allowed where it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.http2_upstream import http2_upstream
from tests.upstream import Answer, Request, Upstream

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers import http
from pregao.scrapers.http import LIMITS, Site, aclose_clients
from pregao.settings import Settings

DEFAULT = "https://api.example.com"


def site_at(url: str, home: Path) -> Site:
    return Site("bcb", Settings.load(None, environ={"PREGAO_UPSTREAM_BCB": url}, pregao_home=home))


@pytest.fixture
def certificates(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A folder whose `authority.pem` is the one that is trusted, as SSL_CERT_FILE has it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    http._tls.cache_clear()
    yield tmp_path
    http._tls.cache_clear()


async def test_requests_at_once_share_one_connection_where_the_source_speaks_http2(certificates: Path) -> None:
    async with http2_upstream(certificates) as upstream:
        site = site_at(upstream.url, certificates)
        replies = await asyncio.gather(*(site.get(DEFAULT, f"/{n}") for n in range(20)))
        await aclose_clients()

    assert [reply.body for reply in replies] == [f"/{n}".encode() for n in range(20)]
    assert [sorted(paths) for paths in upstream.connections] == [sorted(f"/{n}" for n in range(20))]


async def test_a_source_whose_certificate_nobody_trusts_is_not_asked(tmp_path: Path) -> None:
    async with http2_upstream(tmp_path) as upstream:
        with pytest.raises(ScrapeError, match="certificate") as caught:
            await site_at(upstream.url, tmp_path).get(DEFAULT, "/x")
        await aclose_clients()

    assert caught.value.failure_class is FailureClass.NETWORK
    assert upstream.connections == []


async def test_a_source_never_has_more_connections_than_allowed(tmp_path: Path) -> None:
    with Upstream() as upstream:

        def answer_when_let_go(request: Request) -> Answer:
            upstream.wait_until_let_go()
            return Answer(body=b"here")

        upstream.react("/x", answer_when_let_go)
        upstream.answer("/y", b"meanwhile")
        site, other = site_at(upstream.url, tmp_path), site_at(upstream.url.replace("127.0.0.1", "localhost"), tmp_path)
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(site.get(DEFAULT, "/x")) for _ in range(3 * LIMITS.max_connections)]
            await asyncio.to_thread(upstream.wait_until_asked, "/x", LIMITS.max_connections)
            # Another host is not held up, and while it answers a ninth request would have come.
            assert (await other.get(DEFAULT, "/y")).body == b"meanwhile"
            at_once = upstream.asked("/x")
            upstream.let_go()
        await aclose_clients()

    assert at_once == LIMITS.max_connections == 8
    assert {task.result().body for task in asked} == {b"here"}
