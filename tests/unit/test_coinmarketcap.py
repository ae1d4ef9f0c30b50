"""Coins: what CoinMarketCap and CoinGecko say of them."""

import contextlib
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.samples import answers, coins
from tests.samples.recordings import expected, recording

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.builtin.coinmarketcap_coingecko import parse_markets, parse_price
from pregao.scrapers.builtin.coinmarketcap_quotes import Coin, describe_coin, parse_listing, parse_quotes
from pregao.scrapers.failures import RateLimited

STEADY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
WITH_KEY = coins.quotes({"SMP": [coins.coin("SMP")]})
LISTING = coins.listing(coins.listed("SMP"), coins.listed("OTH", rank=2, slug="other-coin"))
MARKETS = coins.markets(coins.traded("SMP"), coins.traded("OTH", rank=2, coin_id="other-coin"))
PRICE = b'{"sample":{"usd":50000.5,"usd_24h_change":-2.5,"usd_24h_vol":10,"last_updated_at":1791212400}}'

Read = Callable[[bytes, str], Coin | None]


def by_quotes(body: bytes, wanted: str = "SMP") -> Coin:
    return parse_quotes(body, wanted)


def by_listing(body: bytes, wanted: str = "SMP") -> Coin | None:
    return parse_listing(body).find(wanted)


def by_markets(body: bytes, wanted: str = "SMP") -> Coin | None:
    return parse_markets(body, "usd").find(wanted)


def by_price(body: bytes, wanted: str = "sample") -> Coin:
    return parse_price(body, wanted, "usd")


def found(read: Read, body: bytes, wanted: str) -> dict[str, Any]:
    coin = read(body, wanted)
    assert coin is not None
    data = describe_coin(coin, "http://x")
    assert orjson.loads(orjson.dumps(data)) == data
    return data


def failure_of(read: Read, body: bytes, wanted: str = "SMP") -> ScrapeError:
    with pytest.raises(ScrapeError) as caught:
        read(body, wanted)
    return caught.value


@pytest.mark.parametrize(
    ("read", "body", "price"),
    [(by_quotes, WITH_KEY, 50_000.5), (by_listing, LISTING, 50_000.5), (by_markets, MARKETS, 50_000.0)],
)
def test_a_coin_reads_the_same_from_every_source(read: Read, body: bytes, price: float) -> None:
    data = found(read, body, "smp")
    assert (data["symbol"], data["name"], data["slug"], data["rank"]) == ("SMP", "Sample Coin", "sample", 1)
    assert (data["price"], data["currency"], data["change_24h_pct"]) == (price, "USD", -2.5)
    assert (data["market_cap"], data["circulating_supply"]) == (9_000_000.0, 19.0)
    assert data["as_of"] == "2026-10-05T12:00:00.000-03:00"


def test_what_a_source_does_not_have_is_null() -> None:
    assert found(by_quotes, WITH_KEY, "SMP")["high_24h"] is None
    assert found(by_markets, MARKETS, "SMP")["change_7d_pct"] is None
    assert found(by_quotes, WITH_KEY, "SMP")["tags"] == ["mineable", "pow"]


@pytest.mark.parametrize(("read", "body"), [(by_listing, LISTING), (by_markets, MARKETS)])
def test_a_coin_may_be_named_by_its_slug_and_may_not_be_listed(read: Read, body: bytes) -> None:
    assert found(read, body, "other-coin")["symbol"] == "OTH"
    assert read(body, "XYZ") is None


def test_of_several_coins_with_a_symbol_the_best_rank_is_meant() -> None:
    same = [coins.coin("SMP", rank=None, price=1), coins.coin("SMP", rank=9, price=9), coins.coin("SMP", rank=3)]
    assert found(by_quotes, coins.quotes({"SMP": same}), "SMP")["rank"] == 3
    two = coins.listing(coins.listed("SMP", rank=7), coins.listed("SMP", rank=2))
    assert found(by_listing, two, "SMP")["rank"] == 2
    three = coins.markets(coins.traded("SMP", rank=None), coins.traded("SMP", rank=5), coins.traded("SMP", rank=8))
    assert found(by_markets, three, "SMP")["rank"] == 5


def test_a_coin_without_a_rank_is_found_when_it_is_the_only_one() -> None:
    assert found(by_quotes, coins.quotes({"SMP": [coins.coin("SMP", rank=None)]}), "SMP")["rank"] is None


def test_by_slug_the_answer_is_an_object_under_the_coins_number() -> None:
    assert found(by_quotes, coins.quotes({"1": coins.coin("SMP", slug="other-coin")}), "other-coin")["symbol"] == "SMP"


def test_an_odd_row_hurts_no_other_coin() -> None:
    body = coins.listing(coins.listed("SMP"), coins.listed("BAD", price=None))
    assert found(by_listing, body, "SMP")["price"] == 50_000.5
    assert failure_of(by_listing, body, "BAD").failure_class is FailureClass.VALIDATION


def test_a_price_alone_is_enough_and_its_time_is_in_seconds() -> None:
    data = found(by_price, PRICE, "sample")
    assert (data["price"], data["volume_24h"], data["slug"]) == (50_000.5, 10.0, "sample")
    assert data["as_of"] == "2026-10-05T12:00:00.000-03:00"


@pytest.mark.parametrize(
    ("code", "failure_class"),
    [
        (1001, FailureClass.LOGIN),
        (1002, FailureClass.LOGIN),
        (1003, FailureClass.LOGIN),
        (1006, FailureClass.LOGIN),
        (1008, FailureClass.RATE_LIMITED),
        (1010, FailureClass.RATE_LIMITED),
        ("1011", FailureClass.RATE_LIMITED),
        ("500", FailureClass.NETWORK),
        (400, FailureClass.PERMANENT),
        (1234, FailureClass.ERROR),
        ("soon", FailureClass.VALIDATION),
        (None, FailureClass.VALIDATION),
    ],
)
def test_an_error_code_counts_whatever_the_status_of_http(code: object, failure_class: FailureClass) -> None:
    for read in (by_quotes, by_listing):
        error = failure_of(read, coins.refusal(code, "as it is"))
        assert error.failure_class is failure_class
        assert failure_class is FailureClass.VALIDATION or "as it is" in str(error)


def test_a_refused_key_is_named_by_its_variable() -> None:
    assert "refuses COINMARKETCAP_API_KEY" in str(failure_of(by_quotes, coins.refusal(1001, "invalid")))


def test_a_symbol_that_the_service_does_not_know_is_not_found() -> None:
    assert failure_of(by_quotes, coins.NO_SUCH_SYMBOL).failure_class is FailureClass.NOT_FOUND
    assert failure_of(by_quotes, coins.quotes({"SMP": []})).failure_class is FailureClass.NOT_FOUND


@pytest.mark.parametrize("parse", [parse_quotes, parse_listing, parse_markets, parse_price])
def test_a_limit_keeps_what_the_source_asks_to_wait(parse: Any) -> None:
    arguments = {parse_quotes: ("SMP",), parse_listing: (), parse_markets: ("usd",), parse_price: ("sample", "usd")}
    body = coins.refusal(1008, "slow") if parse in (parse_quotes, parse_listing) else coins.GECKO_TOO_FAST
    with pytest.raises(RateLimited) as caught:
        parse(body, *arguments[parse], retry_after_seconds=7.0)
    assert caught.value.retry_after_seconds == 7.0


@pytest.mark.parametrize(
    ("read", "body", "failure_class", "words"),
    [
        (by_quotes, b"", FailureClass.NETWORK, "nothing"),
        (by_quotes, answers.CHALLENGE, FailureClass.BLOCKED, "bot check"),
        (by_quotes, b"[]", FailureClass.VALIDATION, "status.error_code"),
        (by_quotes, orjson.dumps({"status": coins.status(0)}), FailureClass.VALIDATION, "`data`"),
        (by_quotes, coins.quotes({"SMP": [coins.coin("SMP", price=None)]}), FailureClass.VALIDATION, "price"),
        (by_quotes, coins.quotes({"SMP": [coins.coin("SMP", price="5")]}), FailureClass.VALIDATION, "price"),
        (by_quotes, coins.quotes({"SMP": [{"symbol": "SMP"}]}), FailureClass.VALIDATION, "quote.USD"),
        (by_quotes, coins.quotes({"SMP": [{}]}), FailureClass.VALIDATION, "symbol"),
        (by_quotes, WITH_KEY.replace(b'"2026-10-05T15:00:00.000Z"}}', b"null}}"), FailureClass.VALIDATION, "last_upd"),
        (by_listing, answers.PAGE, FailureClass.BLOCKED, "page"),
        (by_listing, coins.listing(), FailureClass.VALIDATION, "cryptoCurrencyList"),
        (by_listing, coins.listing({"symbol": "SMP", "quotes": []}), FailureClass.VALIDATION, "no quote in USD"),
        (by_markets, b"[]", FailureClass.VALIDATION, "list"),
        (by_markets, b"[{}]", FailureClass.VALIDATION, "symbol"),
        (by_markets, coins.markets(coins.traded("SMP", price=None)), FailureClass.VALIDATION, "current_price"),
        (by_markets, b'{"error":"what?"}', FailureClass.ERROR, "what?"),
        (by_markets, b'{"status":{"error_code":10005}}', FailureClass.ERROR, "10005"),
        (by_price, b"{}", FailureClass.NOT_FOUND, "SMP"),
        (by_price, b'{"SMP":{}}', FailureClass.VALIDATION, "usd"),
        (by_price, b'{"SMP":5}', FailureClass.VALIDATION, "SMP"),
        (by_price, b"[]", FailureClass.VALIDATION, "object"),
    ],
)
def test_what_is_no_coin_has_a_class_and_names_the_fault(
    read: Read, body: bytes, failure_class: FailureClass, words: str
) -> None:
    error = failure_of(read, body)
    assert error.failure_class is failure_class
    assert words in str(error)


@pytest.mark.parametrize(
    ("wanted", "symbol"), [("bitcoin", "BTC"), ("Bitcoin", "BTC"), ("BITCOIN", "BITCOIN"), ("btc", "BTC")]
)
def test_small_letters_mean_the_slug_before_the_symbol(wanted: str, symbol: str) -> None:
    meme = coins.listed("BITCOIN", rank=150, slug="harry-potter")
    body = coins.listing(meme, coins.listed("BTC", slug="bitcoin"))
    assert found(by_listing, body, wanted)["symbol"] == symbol


def test_a_coin_is_found_by_its_name_too() -> None:
    body = coins.listing(coins.listed("TRON", rank=9), coins.listed("TRX", slug="tron-network") | {"name": "Tron"})
    assert found(by_listing, body, "tron")["symbol"] == "TRX"


def test_a_price_of_zero_is_no_price() -> None:
    for read, body in (
        (by_quotes, coins.quotes({"SMP": [coins.coin("SMP", price=0)]})),
        (by_listing, coins.listing(coins.listed("SMP", price=0))),
        (by_markets, coins.markets(coins.traded("SMP", price=0))),
    ):
        assert failure_of(read, body).failure_class is FailureClass.NOT_FOUND
    assert failure_of(by_listing, coins.listing(coins.listed("SMP", price=-1))).failure_class is FailureClass.VALIDATION


@pytest.mark.parametrize("field", ["high24h", "cmcRank", "circulatingSupply", "slug"])
def test_a_key_that_is_absent_is_named(field: str) -> None:
    row = coins.listed("SMP")
    del row[field]
    error = failure_of(by_listing, coins.listing(row))
    assert error.failure_class is FailureClass.VALIDATION
    assert f"`{field}` is missing" in str(error)


# --- against the recordings


def agrees(data: dict[str, Any], wanted: dict[str, Any], **renamed: str) -> None:
    for key, value in wanted.items():
        if key not in ("path_price", "status_error_code", "last_updated", "tags"):
            # What was written down by hand has fewer digits than some of the sources send.
            same = pytest.approx(value, rel=1e-13) if isinstance(value, float) else value
            assert data[renamed.get(key, key)] == same, key


def test_the_recorded_quotes_read_as_by_hand() -> None:
    name = "pro_v2_quotes_latest_symbol_BTC_20220616.json"
    wanted = expected("coinmarketcap", name)
    data = found(by_quotes, recording("coinmarketcap", name), "BTC")
    agrees(data, wanted, price_usd="price", cmc_rank="rank")
    assert len(data["tags"]) == wanted["tags"]
    assert data["as_of"] == "2022-06-16T04:10:00.000-03:00"
    assert by_quotes(recording("coinmarketcap", name), "BTC").updated_at is not None


def test_the_recorded_listing_reads_as_by_hand() -> None:
    name = "public_data_api_v3_listing_BTC_20220312.json"
    wanted = expected("coinmarketcap", name)
    agrees(found(by_listing, recording("coinmarketcap", name), "BTC"), wanted, price_usd="price")


def test_the_recorded_markets_read_as_by_hand() -> None:
    name = "coingecko_coins_markets_inr_20211204.json"
    wanted = expected("coinmarketcap", name)
    coin = parse_markets(recording("coinmarketcap", name), wanted["vs_currency"]).find("BTC")
    assert coin is not None
    data = describe_coin(coin, "http://x")
    agrees({**data, "vs_currency": data["currency"].lower()}, wanted)


def test_the_recorded_price_reads_as_by_hand() -> None:
    name = "coingecko_simple_price_usd.json"
    data = found(by_price, recording("coinmarketcap", name), "bitcoin")
    assert (data["price"], data["as_of"]) == (expected("coinmarketcap", name)["price_usd"], None)


@pytest.mark.parametrize(
    ("read", "name", "failure_class"),
    [
        (by_listing, "public_data_api_error_200_busy.json", FailureClass.NETWORK),
        (by_quotes, "pro_error_401_1001_invalid_key.DOCUMENTED_SHAPE.json", FailureClass.LOGIN),
        (by_markets, "coingecko_error_coin_not_found.json", FailureClass.NOT_FOUND),
        (by_price, "coingecko_error_coin_not_found.json", FailureClass.NOT_FOUND),
    ],
)
def test_the_recorded_refusals_have_a_class(read: Read, name: str, failure_class: FailureClass) -> None:
    assert failure_of(read, recording("coinmarketcap", name)).failure_class is failure_class


# --- whatever comes

SAMPLES = (WITH_KEY, LISTING, MARKETS, PRICE)
NAMES = ["status", "error_code", "data", "cryptoCurrencyList", "quote", "quotes", "USD", "symbol", "price", "error"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.sampled_from(["SMP", "0", "USD"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


def reads_or_fails(body: bytes) -> None:
    for read, wanted in ((by_quotes, "SMP"), (by_listing, "SMP"), (by_markets, "SMP"), (by_price, "sample")):
        with contextlib.suppress(ScrapeError):
            coin = read(body, wanted)
            if coin is not None:
                orjson.dumps(describe_coin(coin, "x"))


@STEADY
@given(
    st.binary(max_size=200)
    | st.sampled_from(SAMPLES).flatmap(lambda sample: st.integers(0, len(sample)).map(lambda end: sample[:end]))
)
def test_any_bytes_fail_with_a_class(body: bytes) -> None:
    reads_or_fails(body)


@STEADY
@given(st.sampled_from(SAMPLES).flatmap(lambda sample: st.permutations(list(sample))))
def test_a_shuffled_answer_fails_with_a_class(letters: list[int]) -> None:
    reads_or_fails(bytes(letters))


@STEADY
@given(JSON)
def test_any_json_fails_with_a_class(document: object) -> None:
    reads_or_fails(orjson.dumps(document))
    reads_or_fails(coins.quotes({"SMP": document}))
    reads_or_fails(coins.listing(document))
    reads_or_fails(coins.markets(document))


@STEADY
@given(st.sampled_from(sorted(coins.listed("SMP"))), JSON)
def test_a_coin_with_other_values_fails_with_a_class(field: str, value: object) -> None:
    reads_or_fails(coins.listing(coins.listed("SMP") | {field: value}))
    reads_or_fails(coins.quotes({"SMP": [coins.coin("SMP", last_updated=value)]}))
    reads_or_fails(coins.markets(coins.traded("SMP") | {"last_updated": value}))
