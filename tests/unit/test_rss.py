import contextlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.samples import answers, feeds
from tests.samples.recordings import expected, recording

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.feed_text import plain_text
from pregao.scrapers.rss import Feed, FeedItem, parse_feed

STEADY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
SAO_PAULO = timezone(timedelta(hours=-3))


def only_item(body: bytes, **options: Any) -> FeedItem:
    (item,) = parse_feed(body, "news.example", **options).items
    return item


def failure_of(body: bytes) -> ScrapeError:
    with pytest.raises(ScrapeError) as caught:
        parse_feed(body, "news.example")
    return caught.value


def with_date(date: str) -> bytes:
    return feeds.feed(feeds.item(date=date))


# --- what is read


def test_an_item_has_its_title_address_time_and_everything_else_that_the_feed_gives() -> None:
    inner = (
        "<guid>42</guid><dc:creator>Ana Sample</dc:creator><description>Um resumo</description>"
        "<content:encoded><![CDATA[<p>O texto</p>]]></content:encoded><atom:subtitle>A linha fina</atom:subtitle>"
        '<source url="https://source.example">Fonte</source><category>Mercados</category><category> Ações</category>'
    )
    item = only_item(feeds.feed(feeds.item("Alta na bolsa", inner=inner), namespaces=ALL_NAMESPACES))
    assert item == FeedItem(
        title="Alta na bolsa",
        url="https://news.example/altanabolsa",
        published_at=datetime(2026, 10, 5, 12, tzinfo=UTC),
        guid="42",
        subtitle="A linha fina",
        description="Um resumo",
        content="O texto",
        author="Ana Sample",
        source="Fonte",
        source_url="https://source.example",
        categories=("Mercados", "Ações"),
    )


ALL_NAMESPACES = (
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
    + feeds.ATOM
    + ' xmlns:m="http://search.yahoo.com/mrss/"'
)


def test_what_the_feed_does_not_give_is_none() -> None:
    item = only_item(feeds.feed(feeds.item()))
    assert (item.guid, item.subtitle, item.description, item.content, item.author) == (None,) * 5
    assert (item.source, item.source_url, item.categories) == (None, None, ())


def test_prefixes_that_are_not_declared_are_read_as_usual() -> None:
    inner = (
        "<atom:subtitle>Linha fina</atom:subtitle><dc:creator>Ana</dc:creator><content:encoded>Texto</content:encoded>"
    )
    item = only_item(feeds.feed(feeds.item(inner=inner)))
    assert (item.subtitle, item.author, item.content) == ("Linha fina", "Ana", "Texto")


def test_prefixes_with_other_names_are_read_by_their_namespace() -> None:
    body = feeds.feed(
        feeds.item(inner="<a:subtitle>Linha fina</a:subtitle>"), namespaces='xmlns:a="http://www.w3.org/2005/Atom"'
    )
    assert only_item(body).subtitle == "Linha fina"


def test_a_picture_s_title_and_description_are_not_the_item_s() -> None:
    inner = "<m:title>Foto</m:title><m:description>Um navio</m:description><media:title>Outra</media:title>"
    item = only_item(feeds.feed(feeds.item("Alta", inner=inner), namespaces=ALL_NAMESPACES))
    assert (item.title, item.description) == ("Alta", None)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Andr&#233; sobe", "André sobe"),
        ("Andr&#xE9; sobe", "André sobe"),
        ("Andr&eacute; sobe", "André sobe"),
        ("Andr&amp;eacute; sobe", "André sobe"),
        ("S&P 500", "S&P 500"),
        ("S&amp;P 500", "S&P 500"),
        ("P&L; e mais", "P&L; e mais"),
        ("<![CDATA[S&P 500 < 7.000]]>", "S&P 500 < 7.000"),
        (" duas \n linhas ", "duas linhas"),
        ("com\x01controle", "comcontrole"),
        ("sem &#xD800;par&#0; e &#1114112;além", "sem par e além"),
    ],
)
def test_titles_are_read_however_they_are_escaped(written: str, read: str) -> None:
    body = feeds.feed(f"<item><title>{written}</title><link>https://x.example/</link>{DATE}</item>")
    assert only_item(body).title == read


DATE = "<pubDate>Mon, 05 Oct 2026 12:00:00 GMT</pubDate>"


@pytest.mark.parametrize(
    ("date", "utc"),
    [
        ("Mon, 05 Oct 2026 12:00:00 GMT", "2026-10-05T12:00:00"),
        ("Mon, 05 Oct 2026 12:00:00 -0000", "2026-10-05T12:00:00"),
        ("Mon, 05 Oct 2026 12:00:00 -0300", "2026-10-05T15:00:00"),
        ("Mon, 05 Oct 2026 12:00:00 +0000", "2026-10-05T12:00:00"),
        ("05 Oct 2026 12:00:00 -0300", "2026-10-05T15:00:00"),
        ("2026-10-05T12:00:00-03:00", "2026-10-05T15:00:00"),
        ("2026-10-05 12:00:00", "2026-10-05T12:00:00"),
    ],
)
def test_the_offset_of_a_date_is_honoured(date: str, utc: str) -> None:
    assert only_item(with_date(date)).published_at == datetime.fromisoformat(utc).replace(tzinfo=UTC)


def test_a_date_without_an_offset_is_in_the_zone_that_the_source_is_known_for() -> None:
    item = only_item(with_date("2026-10-05 12:00:00"), unzoned=SAO_PAULO)
    assert item.published_at == datetime(2026, 10, 5, 15, tzinfo=UTC)
    utc = only_item(with_date("Mon, 05 Oct 2026 12:00:00 -0000"), unzoned=SAO_PAULO)
    assert utc.published_at == datetime(2026, 10, 5, 12, tzinfo=UTC)


def test_a_single_date_that_cannot_be_read_is_missing() -> None:
    items = parse_feed(feeds.feed(feeds.item(date="ontem"), feeds.item()), "news.example").items
    assert [item.published_at is None for item in items] == [True, False]


def test_a_guid_that_is_an_address_stands_in_for_the_link() -> None:
    body = feeds.feed(f"<item><title>A</title><link/><guid>https://x.example/a</guid>{DATE}</item>")
    assert only_item(body).url == "https://x.example/a"


def test_items_without_title_or_address_are_left_out_and_counted() -> None:
    broken = f"<item><title>A</title><link>javascript:alert(1)</link>{DATE}</item>"
    found = parse_feed(feeds.feed(broken, f"<item><link>https://x.example/</link>{DATE}</item>", feeds.item()), "x")
    assert (len(found.items), found.unreadable) == (1, 2)


def test_the_channel_tells_its_title_language_and_time() -> None:
    extra = "<language>pt-BR</language><lastBuildDate>Mon, 05 Oct 2026 12:30:00 GMT</lastBuildDate>"
    found = parse_feed(feeds.feed(feeds.item(), title="valor > Empresas", extra=extra), "x")
    assert (found.title, found.language) == ("valor > Empresas", "pt-BR")
    assert found.updated_at == datetime(2026, 10, 5, 12, 30, tzinfo=UTC)


def test_a_feed_without_items_is_a_feed() -> None:
    assert parse_feed(feeds.feed(), "x") == Feed("Sample", None, None, ())


def test_items_keep_the_order_of_the_feed() -> None:
    body = feeds.feed(
        feeds.item("A", "Mon, 05 Oct 2026 12:00:00 GMT"), feeds.item("B", "Tue, 06 Oct 2026 12:00:00 GMT")
    )
    assert [item.title for item in parse_feed(body, "x").items] == ["A", "B"]


@pytest.mark.parametrize("charset", ["iso-8859-1", "windows-1252", "utf-16", "utf-8-sig"])
def test_the_declared_encoding_is_used(charset: str) -> None:
    declared = "utf-8" if charset == "utf-8-sig" else charset
    text = feeds.feed(feeds.item("Ações em alta")).decode().replace("UTF-8", declared)
    assert only_item(text.encode(charset)).title == "Ações em alta"


def test_bytes_that_are_not_in_the_declared_encoding_are_read_all_the_same() -> None:
    latin = feeds.feed(feeds.item("Ações em alta")).decode().encode("latin-1")
    assert only_item(latin).title == "Ações em alta"
    wrongly_declared = feeds.feed(feeds.item("Ações em alta")).replace(b"UTF-8", b"us-ascii")
    assert only_item(wrongly_declared).title == "Ações em alta"


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        (None, None),
        ("", None),
        ("<img src='x.jpg'/><br/>", None),
        ("<p>Um.</p><p>Dois.</p>", "Um. Dois."),
        ("Alta de <b>2</b>%", "Alta de 2%"),
        ("A&nbsp;&nbsp;B", "A B"),
        ("<script>alert(1)</script>texto<style>p{}</style>", "texto"),
        ("<!-- nada -->texto", "texto"),
        ("3 < 4", "3 < 4"),
        ("caf\u00e9 <b>\u2014", "caf\u00e9 \u2014"),
    ],
)
def test_markup_is_read_as_a_reader_sees_it(markup: str | None, text: str | None) -> None:
    assert plain_text(markup) == text


# --- what is refused


@pytest.mark.parametrize("page", [feeds.CONSENT_PAGE, answers.PAGE, answers.CHALLENGE, feeds.SORRY_PAGE])
def test_a_page_in_place_of_a_feed_is_a_block(page: bytes) -> None:
    assert failure_of(page).failure_class is FailureClass.BLOCKED


def test_nothing_in_place_of_a_feed_passes() -> None:
    assert failure_of(b" \n").failure_class is FailureClass.NETWORK


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        (b"{}", "<rss>"),
        (b"<feed xmlns='http://www.w3.org/2005/Atom'><entry/></feed>", "<rss>"),
        (b"<rss></rss>", "<channel>"),
        (feeds.feed("<item><titulo>A</titulo><link>https://x.example</link></item>"), "has link, titulo"),
        (feeds.feed("<item><title>A</title><href>https://x.example</href></item>"), "has href, title"),
        (feeds.feed("<item><title>A</title><link>https://x.example</link><data>hoje</data></item>"), "pubDate"),
        (with_date("05/10/2026"), "pubDate"),
    ],
)
def test_another_format_is_invalid_and_says_what_is_missing(body: bytes, missing: str) -> None:
    error = failure_of(body)
    assert (error.failure_class, error.retryable) == (FailureClass.VALIDATION, False)
    assert missing in str(error)


def test_a_feed_that_ends_too_early_is_worth_another_try() -> None:
    body = feeds.feed(feeds.item(), feeds.item("B"))
    error = failure_of(body[:-40])
    assert (error.failure_class, error.retryable) == (FailureClass.VALIDATION, True)
    assert "ends too early" in str(error)


def test_entities_of_the_feed_s_own_are_refused() -> None:
    bomb = b'<!DOCTYPE rss [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
    body = feeds.feed(feeds.item()).replace(b"<rss", bomb + b"<rss")
    assert "entities of its own" in str(failure_of(body))


def test_nothing_is_loaded_from_outside() -> None:
    doctype = b'<!DOCTYPE rss SYSTEM "file:///etc/passwd">'
    body = feeds.feed(feeds.item("A &passwd; B")).replace(b"<rss", doctype + b"<rss")
    assert only_item(body).title == "A &passwd; B"


# --- the recordings


def utc(item: FeedItem) -> str | None:
    return None if item.published_at is None else item.published_at.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_the_recorded_google_news_feed_reads_as_expected() -> None:
    name = "search_rss_en_20260925.xml"
    items, wanted = parse_feed(recording("googlenews", name), "x").items, expected("googlenews", name)
    first = wanted["items_0"]
    assert len(items) == wanted["items"]
    assert (items[0].title, items[0].source, items[0].source_url) == (
        first["title"],
        first["source"],
        first["source_url"],
    )
    assert (utc(items[0]), items[0].guid) == (first["published_utc"], first["guid"])
    assert utc(items[1]) == wanted["items_1_published_utc"]


def test_the_recorded_portuguese_google_news_feed_reads_as_expected() -> None:
    name = "search_rss_pt_petrobras_SHORTENED_20261002.xml"
    items, wanted = parse_feed(recording("googlenews", name), "x").items, expected("googlenews", name)
    assert len(items) == wanted["items"]
    assert {"title": items[0].title, "source": items[0].source, "published_utc": utc(items[0])} == wanted["items_0"]


def test_the_recorded_valor_feed_reads_as_expected() -> None:
    name = "pox_globo_rss_valor_empresas_20260930.xml"
    items, wanted = parse_feed(recording("valor", name), "x").items, expected("valor", name)
    assert len(items) == wanted["items"]
    for item, key in zip(items, ("items_0", "items_1"), strict=True):
        assert (item.title, utc(item)) == (wanted[key]["title"], wanted[key]["published_utc"])
    assert (items[0].subtitle or "").startswith(wanted["items_0"]["subtitle_prefix"])


def test_the_recorded_valor_feed_that_is_not_well_formed_reads_as_expected() -> None:
    name = "pox_globo_rss_valor_UNDECLARED_NS_numeric_entities_20260908.xml"
    item, wanted = only_item(recording("valor", name)), expected("valor", name)
    assert (item.title, utc(item)) == (wanted["title"], wanted["published_utc"])
    assert item.subtitle == "Ministro do STF atendeu pedido"


def test_the_recorded_infomoney_item_reads_as_expected() -> None:
    name = "infomoney_feed_item_20260705.xml"
    item, wanted = only_item(recording("valor", name)), expected("valor", name)
    assert (item.title, utc(item), list(item.categories)) == (
        wanted["title"],
        wanted["published_utc"],
        wanted["categories"],
    )


@pytest.mark.parametrize(
    "name", ["feeds_bloomberg_markets_news_20260709.xml", "feeds_bloomberg_markets_excerpt_20261006.xml"]
)
def test_the_recorded_bloomberg_feeds_read_as_expected(name: str) -> None:
    found, wanted = parse_feed(recording("bloomberg", name), "x"), expected("bloomberg", name)
    first = wanted["items_0"]
    assert len(found.items) == wanted["items"]
    assert (found.items[0].title, utc(found.items[0])) == (first["title"], first["published_utc"])
    assert found.items[0].url == first.get("link", found.items[0].url)
    assert found.title == wanted.get("channel", found.title)
    if "lastBuildDate" in wanted:
        assert found.updated_at is not None
        assert found.updated_at.strftime("%Y-%m-%dT%H:%M:%SZ") == wanted["lastBuildDate"]


# --- anything


SAMPLE = feeds.valor(
    feeds.valor_item("Tenda & Cia", "Linha fina", feeds.NOTICE),
    feeds.item("Ação", inner="<content:encoded><![CDATA[<p>x</p>]]></content:encoded>"),
)


def reads_or_fails(body: bytes) -> None:
    with contextlib.suppress(ScrapeError):
        for item in parse_feed(body, "x").items:
            assert item.title
            assert item.url.lower().startswith("http")
            assert item.published_at is None or item.published_at.tzinfo is UTC


@STEADY
@given(st.integers(0, len(SAMPLE)), st.integers(0, len(SAMPLE)))
def test_a_feed_with_a_hole_reads_or_fails_with_a_class(first: int, second: int) -> None:
    reads_or_fails(SAMPLE[: min(first, second)] + SAMPLE[max(first, second) :])


@STEADY
@given(st.permutations(list(SAMPLE)))
def test_a_shuffled_feed_fails_with_a_class(letters: list[int]) -> None:
    reads_or_fails(bytes(letters))


@STEADY
@given(st.binary(max_size=300))
def test_any_bytes_fail_with_a_class(body: bytes) -> None:
    reads_or_fails(body)
    reads_or_fails(b"<rss>" + body + b"</rss>")
    reads_or_fails(b"<rss><channel><item><title>A</title>" + body + b"</item></channel></rss>")


PIECES = st.sampled_from(
    [
        *("<item>", "</item>", "<title>", "</title>", "<link>", "</link>", "<pubDate>", "</pubDate>", "<a:b c='", "'>"),
        *("<![CDATA[", "]]>", "<!--", "-->", "<?x", "?>", "&", "&amp;", "&#0;", "&#xD800;", "&#9999999;", "&nbsp;"),
        *("https://x.example/", "Mon, 05 Oct 2026 12:00:00 GMT", "é", "\ud7ff", "\0", "<!DOCTYPE rss>", "xmlns:a='b'"),
    ]
)


@STEADY
@given(st.lists(PIECES | st.text(max_size=4), max_size=30))
def test_any_mixture_of_markup_reads_or_fails_with_a_class(pieces: list[str]) -> None:
    inside = "".join(pieces).encode("utf-8", "surrogatepass")
    reads_or_fails(b"<rss><channel>" + inside + b"</channel></rss>")


@STEADY
@given(st.text(max_size=100) | st.lists(PIECES, max_size=10).map("".join))
def test_any_date_and_any_text_are_read_or_missing(text: str) -> None:
    plain_text(text)
    reads_or_fails(feeds.feed(feeds.item(), f"<item><title>A</title><pubDate>{text}</pubDate></item>"[:500]))


def test_markup_nested_without_end_is_read() -> None:
    deep = "<b>" * 5_000 + "texto"
    reads_or_fails(feeds.feed(feeds.item(inner=f"<description>{deep}</description>")))
    reads_or_fails(feeds.feed(feeds.item(inner=f"<description><![CDATA[{deep}]]></description>")))
