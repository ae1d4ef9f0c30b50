import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.samples import block_pages
from tests.samples.recordings import recording

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.block_pages import refuse_block_page
from pregao.scrapers.failures import is_challenge, of_status

HOST = "site.example"


def refusal(body: bytes) -> ScrapeError:
    with pytest.raises(ScrapeError) as caught:
        refuse_block_page(body, HOST)
    return caught.value


@pytest.mark.parametrize("body", block_pages.BLOCKED)
def test_a_bot_check_or_a_refusal_is_a_block(body: bytes) -> None:
    error = refusal(body)
    assert error.failure_class is FailureClass.BLOCKED
    assert HOST in str(error)


@pytest.mark.parametrize("body", block_pages.BROKEN)
def test_the_error_page_of_a_server_is_a_network_failure_and_worth_a_retry(body: bytes) -> None:
    error = refusal(body)
    assert error.failure_class is FailureClass.NETWORK
    assert error.retryable


def test_a_page_that_asks_to_slow_down_is_a_rate_limit() -> None:
    assert refusal(block_pages.RATE_LIMITED).failure_class is FailureClass.RATE_LIMITED


def test_the_words_of_the_page_are_told() -> None:
    assert str(refusal(block_pages.BAD_GATEWAY)) == "site.example is in trouble: '502 bad gateway'"


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'{"error": "Bad gateway"}',
        b"<rss><channel><title>News</title><item><description>Bad gateway</description></item></channel></rss>",
        block_pages.page("SMPL4", "<script src='/cdn-cgi/challenge-platform/scripts/jsd/main.js'></script>"),
        block_pages.page("SMPL4", f"<form class='g-recaptcha'></form>{'<p>figures</p>' * 3000}"),
        block_pages.page("Bad gateway to the port of Santos", "<p>an article</p>" * 3000),
    ],
)
def test_data_and_ordinary_pages_pass(body: bytes) -> None:
    refuse_block_page(body, HOST)


def test_a_gateways_own_page_is_no_bot_check_whatever_status_it_comes_with() -> None:
    error = of_status(502, {}, block_pages.CLOUDFLARE_502, "https://site.example/x")
    assert error.failure_class is FailureClass.NETWORK


def test_a_byte_order_mark_does_not_hide_a_page() -> None:
    assert is_challenge(b"\xef\xbb\xbf" + block_pages.JUST_A_MOMENT)


@given(st.binary(max_size=400))
def test_any_bytes_pass_or_are_refused_with_a_class(body: bytes) -> None:
    for each in (body, b"<title>" + body + b"</title>"):
        with contextlib.suppress(ScrapeError):
            refuse_block_page(each, HOST)


@pytest.mark.parametrize(
    ("source", "name"),
    [("statusinvest", "petr4_cloudflare_block.html"), ("investing", "cloudflare_challenge_403_excerpt.html")],
)
def test_the_recorded_block_pages_are_refused(source: str, name: str) -> None:
    assert refusal(recording(source, name)).failure_class is FailureClass.BLOCKED


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("statusinvest", "petr4_20251227_trimmed.html"),
        ("fundamentus", "petr4_detalhes_20251226_domdump_utf8.html"),
        ("fundamentus", "wege3_detalhes_20260703.html"),
        ("fundamentus", "ticker_not_found.html"),
        ("investidor10", "itsa3_cards_simplified.html"),
        ("bloomberg", "feeds_bloomberg_markets_news_20260709.xml"),
    ],
)
def test_the_recorded_pages_of_data_pass(source: str, name: str) -> None:
    refuse_block_page(recording(source, name), HOST)
