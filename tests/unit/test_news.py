from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from tests.samples import feeds
from tests.samples.recordings import expected, recording

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.base import Collected
from pregao.scrapers.builtin import bloomberg, googlenews, valor
from pregao.scrapers.companies import as_ticker, company_of
from pregao.scrapers.mentions import Mentions
from pregao.scrapers.news import describe_news
from pregao.scrapers.rss import FeedItem, parse_feed
from pregao.scrapers.shared_feeds import ReadFeed

SHIPPED_SCHEDULES = Path(__file__).resolve().parents[2] / "config" / "scraper_schedules.yaml"
NOON = datetime(2026, 10, 5, 15, tzinfo=UTC)


def read(body: bytes) -> ReadFeed:
    return ReadFeed(parse_feed(body, "news.example"), "https://news.example/rss")


def described(body: bytes, **options: Any) -> Collected:
    return describe_news(read(body), googlenews.read_headline, now=NOON, **options)


def first_item(source: str, name: str) -> FeedItem:
    return parse_feed(recording(source, name), source).items[0]


# --- what is looked for


@pytest.mark.parametrize("text", ["PETR4", "petr4", " B3SA3 ", "TAEE11", "ROXO34"])
def test_tickers_are_recognised_in_any_case(text: str) -> None:
    assert as_ticker(text) == text.strip().upper()


@pytest.mark.parametrize("text", ["", "Petrobras", "PETR", "PETR4 VALE3", "4PET3", "PETR444", "BTC", "ÇETR4"])
def test_everything_else_is_a_phrase(text: str) -> None:
    assert as_ticker(text) is None


def test_every_company_of_the_shipped_schedules_has_a_name() -> None:
    schedules = YAML(typ="safe").load(SHIPPED_SCHEDULES)["schedules"].values()
    tickers = {ticker for schedule in schedules for ticker in schedule["tickers"] if as_ticker(ticker)}
    assert len(tickers) > 50
    assert [ticker for ticker in sorted(tickers) if not company_of(ticker).names] == []


@pytest.mark.parametrize(
    ("argument", "text", "found"),
    [
        ("PETR4", "Lucro da PETROBRAS sobe", True),
        ("PETR4", "O papel (PETR4) caiu", True),
        ("PETR4", "Opção PETR40 vence hoje", False),
        ("PETR4", "A petrobrasileira", False),
        ("ITUB4", "Itau anuncia dividendos", True),
        ("ITUB4", "Itaú\nUnibanco", True),
        ("VALE3", "Ações da Vale caem", True),
        ("VALE3", "quanto vale o real", False),
        ("TIMS3", "TIM compra torres", True),
        ("TIMS3", "Tim Cook deixa a Apple", False),
        ("RDOR3", "A Rede D'Or compra hospital", True),
        ("XXXX3", "XXXX3 estreia na bolsa", True),
        ("XXXX3", "Petrobras", False),
        ("dividendos petrobras", "Petrobras paga mais dividendos", True),
        ("dividendos petrobras", "Petrobras sobe", False),
        ('"juros altos"', "os juros seguem altos", False),
        ('"juros altos"', "Com JUROS  ALTOS, a bolsa cai", True),
        ("inflação", "A inflacao cede", True),
        ("c++ (a|b)", "c++ e (a|b)", True),
    ],
)
def test_a_text_mentions_a_company_by_any_of_its_names_and_a_phrase_by_all_of_its_words(
    argument: str, text: str, found: bool
) -> None:
    assert Mentions(argument).found_in(text) is found


@pytest.mark.parametrize(
    ("argument", "query"),
    [
        (None, None),
        ("  ", None),
        ("petr4", "PETR4 OR Petrobras"),
        ("BBAS3", 'BBAS3 OR "Banco do Brasil"'),
        ("VALE3", 'VALE3 OR "Vale S.A." OR "mineradora Vale"'),
        ("XXXX3", "XXXX3"),
        ('"juros  altos" OR Selic\n when:7d', '"juros altos" OR Selic when:7d'),
    ],
)
def test_google_is_asked_for_a_ticker_by_its_company_s_names_and_for_a_phrase_as_it_is(
    argument: str | None, query: str | None
) -> None:
    assert googlenews.search_query(argument) == query


def test_a_phrase_that_is_too_long_says_how_long_it_may_be() -> None:
    with pytest.raises(ScrapeError, match="301 characters; use at most 300") as caught:
        googlenews.search_query("a" * 301)
    assert caught.value.failure_class is FailureClass.PERMANENT


# --- what comes out


def test_the_data_is_the_news_newest_first() -> None:
    body = feeds.google_news(
        ("Sobe", "InfoMoney", NOON - timedelta(hours=2)),
        ("Cai", "Exame", NOON - timedelta(hours=1)),
        query="PETR4 OR Petrobras",
    )
    found = described(body, query="PETR4 OR Petrobras")
    assert found.data == {
        "query": "PETR4 OR Petrobras",
        "section": None,
        "feed": '"PETR4 OR Petrobras" - Google Notícias',
        "language": "pt-BR",
        "count": 2,
        "matched": 2,
        "items": [
            {
                "title": "Cai",
                "url": "https://news.example/caiexame",
                "source": "Exame",
                "source_url": "https://source1.example",
                "published_at": "2026-10-05T11:00:00.000-03:00",
                "summary": None,
                "author": None,
                "categories": [],
                "paywalled": None,
            },
            {
                "title": "Sobe",
                "url": "https://news.example/sobeinfomoney",
                "source": "InfoMoney",
                "source_url": "https://source0.example",
                "published_at": "2026-10-05T10:00:00.000-03:00",
                "summary": None,
                "author": None,
                "categories": [],
                "paywalled": None,
            },
        ],
        "as_of": "2026-10-05T11:00:00.000-03:00",
        "url": "https://news.example/rss",
    }
    assert found.metadata == {"feed_items": 2, "future_items": 0, "unreadable_items": 0}


def test_no_more_than_fifty_items_are_kept_and_the_rest_is_counted() -> None:
    data = described(feeds.google_news(*feeds.many(80, NOON))).data
    assert (data["count"], data["matched"], len(data["items"])) == (50, 80, 50)
    assert data["items"][0]["title"] == "Notícia 0"


def test_news_of_the_future_are_left_out_and_counted() -> None:
    late = ("Amanhã", "Exame", NOON + timedelta(minutes=11))
    found = described(feeds.google_news(("Agora", "Exame", NOON + timedelta(minutes=9)), late))
    assert [item["title"] for item in found.data["items"]] == ["Agora"]
    assert found.metadata["future_items"] == 1


def test_a_feed_of_nothing_but_the_future_is_invalid() -> None:
    with pytest.raises(ScrapeError, match="in the future") as caught:
        described(feeds.google_news(("Amanhã", "Exame", NOON + timedelta(days=1))))
    assert caught.value.failure_class is FailureClass.VALIDATION


def test_an_item_without_a_date_comes_last() -> None:
    body = feeds.feed(feeds.item("Sem data", "ontem"), feeds.item("Com data"))
    data = described(body).data
    assert [item["title"] for item in data["items"]] == ["Com data", "Sem data"]
    assert data["items"][1]["published_at"] is None


def test_no_match_is_a_success_that_says_so_and_how_fresh_the_feed_is() -> None:
    found = described(feeds.google_news(("Cai", "Exame", NOON)), query="PETR4", wanted=Mentions("PETR4"))
    assert (found.data["count"], found.data["items"]) == (0, [])
    assert found.data["as_of"] == "2026-10-05T12:00:00.000-03:00"
    assert found.metadata["remark"] == "none of the 1 items mentions PETR4, Petrobras"


def test_the_whole_text_is_searched_but_a_long_one_is_not_kept() -> None:
    body = feeds.linea(("Mercado cai", "palavra " * 900 + "Petrobras", NOON))
    found = describe_news(read(body), bloomberg.read_headline, now=NOON, wanted=Mentions("PETR4"))
    assert found.data["count"] == 1
    item = parse_feed(body, "x").items[0]
    long = bloomberg.read_headline(FeedItem(title="A", url="https://x.example", content=item.content))
    assert long.summary is not None
    assert len(long.summary) <= 1000
    assert long.summary.endswith("palavra…")


# --- what each source means


@pytest.mark.parametrize(
    ("title", "source", "headline"),
    [
        ("Lucro sobe - InfoMoney", "InfoMoney", "Lucro sobe"),
        ("Lucro - e dívida - InfoMoney", "InfoMoney", "Lucro - e dívida"),
        ("Lucro sobe - InfoMoney", None, "Lucro sobe - InfoMoney"),
        ("Lucro sobe", "InfoMoney", "Lucro sobe"),
        (" - InfoMoney", "InfoMoney", " - InfoMoney"),
    ],
)
def test_google_s_titles_lose_the_name_of_their_source(title: str, source: str | None, headline: str) -> None:
    assert googlenews.read_headline(FeedItem(title, "https://x.example", source=source)).title == headline


def test_google_s_description_is_a_summary_only_if_it_says_more_than_the_title() -> None:
    item = FeedItem("Lucro - Exame", "https://x.example", source="Exame", description="Lucro Exame")
    assert googlenews.read_headline(item).summary is None
    more = FeedItem("Lucro - Exame", "https://x.example", source="Exame", description="Lucro Exame Outra manchete G1")
    assert googlenews.read_headline(more).summary == "Lucro Exame Outra manchete G1"


def test_valor_s_notice_for_subscribers_is_no_summary() -> None:
    body = feeds.valor(feeds.valor_item("A", "", feeds.NOTICE), feeds.valor_item("B", "Linha fina", feeds.NOTICE))
    news = [valor.read_headline(item) for item in parse_feed(body, "x").items]
    assert [(each.summary, each.paywalled) for each in news] == [(None, True), ("Linha fina", True)]


def test_valor_s_lead_is_the_summary_and_else_its_text() -> None:
    body = feeds.valor(feeds.valor_item("A", "Linha fina", "O texto"), feeds.valor_item("B", "", "O texto"))
    news = [valor.read_headline(item) for item in parse_feed(body, "x").items]
    assert [(each.summary, each.paywalled) for each in news] == [("Linha fina", False), ("O texto", False)]


def test_bloomberg_s_two_feeds_are_told_apart_by_their_addresses() -> None:
    linea = bloomberg.read_headline(FeedItem("A", "https://www.bloomberglinea.com.br/a/"))
    markets = bloomberg.read_headline(FeedItem("A", "https://www.bloomberg.com/news/a"))
    assert (linea.source, markets.source) == ("Bloomberg Línea", "Bloomberg")


def test_the_recorded_google_headline_reads_as_expected() -> None:
    name = "search_rss_en_20260925.xml"
    news, wanted = googlenews.read_headline(first_item("googlenews", name)), expected("googlenews", name)["items_0"]
    assert (news.title, news.source) == (wanted["headline_without_source"], wanted["source"])
    assert news.summary is None


def test_the_recorded_google_feed_comes_out_in_the_order_of_its_dates() -> None:
    body = recording("googlenews", "search_rss_en_20260925.xml")
    found = describe_news(read(body), googlenews.read_headline, now=datetime(2026, 9, 25, 18, 10, 28, tzinfo=UTC))
    assert [item["source"] for item in found.data["items"]] == ["The Guardian", "countynewscenter.com"]
    assert found.data["as_of"] == "2026-09-25T13:11:00.000-03:00"


def test_the_recorded_paywalls_read_as_expected() -> None:
    name = "pox_globo_rss_valor_empresas_20260930.xml"
    items, wanted = parse_feed(recording("valor", name), "x").items, expected("valor", name)
    for item, key in zip(items, ("items_0", "items_1"), strict=True):
        assert valor.read_headline(item).paywalled is wanted[key]["paywalled"]
    assert (valor.read_headline(items[0]).summary or "").startswith(wanted["items_0"]["subtitle_prefix"])


def test_the_recorded_video_of_bloomberg_has_no_author() -> None:
    items = parse_feed(recording("bloomberg", "feeds_bloomberg_markets_news_20260709.xml"), "x").items
    news = [bloomberg.read_headline(item) for item in items]
    assert news[0].author is None
    assert news[2].author == "Suttinee (Ying) Yuvejwattana, Kok Leong Chan"
    assert {each.source for each in news} == {"Bloomberg"}
