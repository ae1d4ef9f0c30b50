"""What goes wrong on the wire, and the class and words it gets."""

import gzip
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from tests.samples import answers
from tests.upstream import Upstream

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers import http
from pregao.scrapers.failures import RateLimited
from pregao.scrapers.http import Site, aclose_clients
from pregao.settings import Settings

DEFAULT = "https://api.example.com"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture
async def site(upstream: Upstream, tmp_path: Path) -> AsyncIterator[Site]:
    yield site_at(upstream.url, tmp_path)
    await aclose_clients()


def site_at(url: str, home: Path, *, max_bytes: int = 10_000) -> Site:
    settings = Settings.load(None, environ={"PREGAO_UPSTREAM_BCB": url}, pregao_home=home)
    return Site("bcb", settings, max_bytes=max_bytes)


async def failure_of(site: Site, path: str = "/x", *, post: object = None) -> ScrapeError:
    with pytest.raises(ScrapeError) as caught:
        await (site.get(DEFAULT, path) if post is None else site.post_json(DEFAULT, path, post))
    return caught.value


async def test_a_host_that_refuses_is_named_with_the_cause_and_worth_a_retry(tmp_path: Path) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        error = await failure_of(site_at(f"http://127.0.0.1:{port}", tmp_path))
    assert str(error) == f"cannot reach 127.0.0.1:{port}: connection refused"
    assert error.failure_class is FailureClass.NETWORK
    assert error.retryable
    await aclose_clients()


async def test_a_host_that_does_not_exist_is_named(tmp_path: Path) -> None:
    error = await failure_of(site_at("http://nowhere.invalid", tmp_path))
    assert str(error) == "cannot reach nowhere.invalid: host name not found"
    assert error.failure_class is FailureClass.NETWORK
    await aclose_clients()


async def test_an_answer_that_does_not_come_is_a_timeout(
    upstream: Upstream, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "TIMEOUT", httpx.Timeout(0.2))
    upstream.hold("/x")
    error = await failure_of(site)
    assert error.failure_class is FailureClass.TIMEOUT
    assert error.retryable


@pytest.mark.parametrize(
    ("status", "failure_class"),
    [
        (400, FailureClass.PERMANENT),
        (401, FailureClass.LOGIN),
        (403, FailureClass.BLOCKED),
        (404, FailureClass.PERMANENT),
        (408, FailureClass.TIMEOUT),
        (500, FailureClass.NETWORK),
        (502, FailureClass.NETWORK),
        (503, FailureClass.NETWORK),
    ],
)
async def test_each_status_has_a_class(
    upstream: Upstream, site: Site, status: int, failure_class: FailureClass
) -> None:
    upstream.answer("/x", b"{}", status)
    error = await failure_of(site)
    assert error.failure_class is failure_class
    assert str(status) in str(error)


@pytest.mark.parametrize("status", [403, 503])
async def test_a_bot_check_is_a_block_whatever_its_status(upstream: Upstream, site: Site, status: int) -> None:
    upstream.answer("/x", answers.CHALLENGE, status)
    assert (await failure_of(site)).failure_class is FailureClass.BLOCKED


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 +9999"}, None),
    ],
)
async def test_too_many_requests_note_when_to_come_back(
    upstream: Upstream, site: Site, headers: dict[str, str], seconds: float | None
) -> None:
    upstream.answer("/x", b"slow down", 429, headers)
    error = await failure_of(site)
    assert isinstance(error, RateLimited)
    assert error.failure_class is FailureClass.RATE_LIMITED
    assert error.retry_after_seconds == seconds


async def test_an_answer_that_ends_too_early_is_a_network_failure(upstream: Upstream, site: Site) -> None:
    upstream.answer("/x", b"half", promised=1000)
    error = await failure_of(site)
    assert error.failure_class is FailureClass.NETWORK


async def test_compressed_answers_are_read(upstream: Upstream, site: Site) -> None:
    upstream.answer("/x", gzip.compress(b"[1]"), headers={"Content-Encoding": "gzip", "Content-Type": "Text/JSON; a=b"})
    reply = await site.get(DEFAULT, "/x")
    assert (reply.body, reply.content_type) == (b"[1]", "text/json")


@pytest.mark.parametrize("compress", [False, True])
async def test_an_answer_larger_than_allowed_is_not_read_to_its_end(
    upstream: Upstream, site: Site, compress: bool
) -> None:
    body = bytes(5_000_000)
    headers = {"Content-Encoding": "gzip"} if compress else {}
    upstream.answer("/x", gzip.compress(body) if compress else body, headers=headers)
    error = await failure_of(site)
    assert error.failure_class is FailureClass.VALIDATION
    assert "larger than 10000 bytes" in str(error)


async def test_an_answer_of_exactly_the_limit_is_read(upstream: Upstream, site: Site) -> None:
    upstream.answer("/x", gzip.compress(bytes(10_000)), headers={"Content-Encoding": "gzip"})
    assert len((await site.get(DEFAULT, "/x")).body) == 10_000


@pytest.mark.parametrize(
    ("body", "encoding", "failure_class"),
    [
        (b"not gzip", "gzip", FailureClass.NETWORK),
        (gzip.compress(b"[1]", mtime=0)[:-9], "gzip", FailureClass.NETWORK),
        (b"x", "br", FailureClass.VALIDATION),
    ],
)
async def test_what_cannot_be_decompressed_has_a_class(
    upstream: Upstream, site: Site, body: bytes, encoding: str, failure_class: FailureClass
) -> None:
    upstream.answer("/x", body, headers={"Content-Encoding": encoding})
    assert (await failure_of(site)).failure_class is failure_class


async def test_redirects_are_followed_but_not_in_circles(upstream: Upstream, site: Site) -> None:
    upstream.answer("/x", status=302, headers={"Location": "/y"})
    upstream.answer("/y", b"here")
    upstream.answer("/loop", status=302, headers={"Location": "/loop"})
    assert (await site.get(DEFAULT, "/x")).body == b"here"
    assert (await failure_of(site, "/loop")).failure_class is FailureClass.PERMANENT


async def test_one_client_serves_all_requests_to_a_host(upstream: Upstream, site: Site, tmp_path: Path) -> None:
    upstream.answer("/x", b"[]")
    for each in (site, site, site_at(upstream.url, tmp_path)):
        await each.get(DEFAULT, "/x")
    assert len({request.client_port for request in upstream.requests}) == 1


async def test_closed_clients_are_opened_again_when_needed(upstream: Upstream, site: Site) -> None:
    upstream.answer("/x", b"[]")
    await site.get(DEFAULT, "/x")
    await aclose_clients()
    await aclose_clients()
    assert (await site.get(DEFAULT, "/x")).status == 200


async def test_a_source_may_need_headers_of_its_own(upstream: Upstream, tmp_path: Path) -> None:
    settings = Settings.load(None, environ={"PREGAO_UPSTREAM_BCB": upstream.url}, pregao_home=tmp_path)
    upstream.answer("/x", b"[]")
    await Site("bcb", settings, user_agent="Mozilla/5.0", headers={"Referer": "https://x"}).get(DEFAULT, "/x")
    assert upstream.requests[0].headers["user-agent"] == "Mozilla/5.0"
    assert upstream.requests[0].headers["referer"] == "https://x"
    await aclose_clients()


async def test_json_is_posted_with_the_same_headers(upstream: Upstream, site: Site) -> None:
    upstream.answer("/x", b"[1]")
    reply = await site.post_json(DEFAULT, "/x", {"ação": [1, None]})
    (request,) = upstream.requests
    assert (reply.body, request.method, request.body) == (b"[1]", "POST", '{"ação":[1,null]}'.encode())
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"].startswith("Pregao/")


@pytest.mark.parametrize(
    ("status", "body", "failure_class"),
    [
        (429, b"", FailureClass.RATE_LIMITED),
        (502, b"", FailureClass.NETWORK),
        (403, answers.CHALLENGE, FailureClass.BLOCKED),
        (200, bytes(20_000), FailureClass.VALIDATION),
    ],
)
async def test_what_fails_after_a_post_has_the_same_classes_and_bounds(
    upstream: Upstream, site: Site, status: int, body: bytes, failure_class: FailureClass
) -> None:
    upstream.answer("/x", body, status)
    assert (await failure_of(site, post={})).failure_class is failure_class


async def test_a_post_is_never_redirected(upstream: Upstream, site: Site) -> None:
    upstream.answer("/x", status=307, headers={"Location": "/y"})
    assert (await failure_of(site, post={})).failure_class is FailureClass.PERMANENT
    assert upstream.asked("/y") == 0


async def test_a_key_is_sent_to_its_source_and_follows_no_redirect(upstream: Upstream, tmp_path: Path) -> None:
    settings = Settings.load(None, environ={"PREGAO_UPSTREAM_BCB": upstream.url}, pregao_home=tmp_path)
    upstream.answer("/x", status=302, headers={"Location": "/y"})
    error = await failure_of(Site("bcb", settings, secret_headers={"X-Key": "hush"}))
    assert upstream.requests[0].headers["x-key"] == "hush"
    assert upstream.asked("/y") == 0
    assert "hush" not in str(error)
    await aclose_clients()


async def test_an_accepted_refusal_can_still_be_told_as_a_failure(upstream: Upstream, site: Site) -> None:
    upstream.answer("/x", b'{"why":"busy"}', 429, {"Retry-After": "7"})
    reply = await site.get(DEFAULT, "/x", accept=frozenset({429}))
    assert (reply.body, reply.retry_after_seconds) == (b'{"why":"busy"}', 7.0)
    refusal = reply.refusal()
    assert isinstance(refusal, RateLimited)
    assert refusal.retry_after_seconds == 7.0


async def test_the_user_agent_of_a_source_can_be_set_from_outside(upstream: Upstream, tmp_path: Path) -> None:
    environ = {"PREGAO_UPSTREAM_BCB": upstream.url, "PREGAO_USER_AGENT_BCB": "Mozilla/5.0 (own)"}
    settings = Settings.load(None, environ=environ, pregao_home=tmp_path)
    upstream.answer("/x", b"[]")
    await Site("bcb", settings, user_agent="Pregao/0.1").get(DEFAULT, "/x")
    await Site("b3", Settings.load(None, environ={"PREGAO_UPSTREAM_B3": upstream.url})).get(DEFAULT, "/x")
    assert [request.headers["user-agent"] for request in upstream.requests] == ["Mozilla/5.0 (own)", http.USER_AGENT]
    await aclose_clients()


async def test_a_path_in_the_replaced_address_comes_before_the_sources_own(upstream: Upstream, tmp_path: Path) -> None:
    upstream.answer("/sample/x", b"here")
    assert (await site_at(f"{upstream.url}/sample/", tmp_path).get(DEFAULT, "/x")).body == b"here"
    await aclose_clients()
