"""The sample market's answers have what recorded ones have: names and kinds of values, whatever our parsers make of it.

Each test reads the recording with something other than the parser that would read the answer.
"""

from __future__ import annotations

import gzip
import re
import zipfile
from datetime import date
from io import BytesIO
from typing import Any, get_type_hints

import orjson
import pytest
from lxml import html
from tests.sample_markets import EVENING, asked_of, document_of, sample_at
from tests.samples.cotahist_layout import misplaced
from tests.samples.models import GEMINI_KEY, OPENAI_KEY
from tests.samples.recordings import recording
from tests.structure import differences, feed_shape, place_of, shape_of, table_shape

from pregao.sample_market.access import KEYS
from pregao.sample_market.answer import Asked
from pregao.scrapers.builtin.b3_company import call_path
from pregao.scrapers.builtin.bcb_soap import question
from pregao.scrapers.builtin.investidor10_records import Investidor10Share
from pregao.scrapers.builtin.statusinvest_records import DAY_CHANGE, NAME, StatusInvestShare
from pregao.scrapers.labelled_fields import Shown


def json_of(source: str, name: str) -> Any:
    return orjson.loads(recording(source, name))


def test_quotation() -> None:
    recorded = json_of("b3", "instrumentQuotation_ELET3_20191024.json")
    made_up = document_of(asked_of(sample_at(), "b3", "/mds/api/v1/instrumentQuotation/PETR4"))

    assert differences(shape_of(recorded), shape_of(made_up)) == []


def test_quotation_of_an_unknown_paper() -> None:
    recorded = json_of("b3", "instrumentQuotation_NOK_20240305.json")
    made_up = document_of(asked_of(sample_at(), "b3", "/mds/api/v1/instrumentQuotation/VIIA3"))

    assert shape_of(made_up) == shape_of(recorded)


def test_end_of_day_file() -> None:
    answer = asked_of(sample_at(EVENING), "b3", "/InstDados/SerHist/COTAHIST_D05102026.ZIP")
    made_up = zipfile.ZipFile(BytesIO(answer.body))
    recorded = zipfile.ZipFile(BytesIO(recording("b3", "COTAHIST_D25062021.ZIP")))

    mine, theirs = (bundle.read(bundle.namelist()[0]) for bundle in (made_up, recorded))
    assert re.sub(r"\d", "9", made_up.namelist()[0]) == re.sub(r"\d", "9", recorded.namelist()[0])
    for text in (mine, theirs):
        assert [problem for line in text.split(b"\r\n")[:-1] for problem in misplaced(line)] == []
    markets = {line[24:27] for line in mine.splitlines()[1:-1]}
    assert markets == {b"010", b"020", b"030", b"070", b"080"}
    assert markets <= {line[24:27] for line in theirs.splitlines()[1:-1]}


def test_company_records() -> None:
    sample = sample_at()
    supplement = document_of(
        asked_of(sample, "b3", call_path("GetListedSupplementCompany", issuingCompany="ABEV").replace("%3D", "="))
    )
    detail = document_of(asked_of(sample, "b3", call_path("GetDetail", codeCVM=supplement[0]["codeCVM"])))

    recorded = shape_of(json_of("b3", "GetListedSupplementCompany_ABEV.json"))
    assert differences(recorded, shape_of(supplement), besides=["$[].subscriptions[]"]) == []
    assert differences(shape_of(json_of("b3", "GetDetail_ABEV_codeCVM23264.json")), shape_of(detail)) == []


def test_yahoos_chart() -> None:
    made_up = shape_of(document_of(asked_of(sample_at(), "b3", "/v8/finance/chart/PETR4.SA")))
    unknown = shape_of(document_of(asked_of(sample_at(), "b3", "/v8/finance/chart/VIIA3.SA")))

    assert differences(shape_of(json_of("b3", "yahoo_v8_chart_PETR4.SA_20230306.json")), made_up) == []
    assert unknown == shape_of(json_of("b3", "yahoo_v8_chart_not_found_404.json"))


@pytest.mark.parametrize(
    ("number", "name"), [(432, "sgs_432_selic_meta_20261005.json"), (1, "sgs_1_usd_ptax_venda_20261005.json")]
)
def test_series(number: int, name: str) -> None:
    query = {"dataInicial": "01/09/2026", "dataFinal": "05/10/2026", "formato": "json"}
    made_up = document_of(asked_of(sample_at(), "bcb", f"/dados/serie/bcdata.sgs.{number}/dados", query))

    recorded = json_of("bcb", name)
    assert shape_of(made_up) == shape_of(recorded)
    assert {len(row["valor"].partition(".")[2]) for row in made_up} == {
        len(row["valor"].partition(".")[2]) for row in recorded
    }


@pytest.mark.parametrize(
    ("query", "status", "name"),
    [
        ({"dataInicial": "01/01/2030", "dataFinal": "02/01/2030"}, 404, "sgs_404_no_values.json"),
        ({}, 406, "sgs_406_window_over_10y.json"),
    ],
)
def test_refusals_of_a_series(query: dict[str, str], status: int, name: str) -> None:
    answer = asked_of(sample_at(), "bcb", "/dados/serie/bcdata.sgs.1/dados", query)

    assert answer.status == status
    assert shape_of(document_of(answer)) == shape_of(json_of("bcb", name))


def test_the_latest_values_of_the_target_rate_are_in_the_future() -> None:
    made_up = document_of(asked_of(sample_at(), "bcb", "/dados/serie/bcdata.sgs.432/dados/ultimos/3"))

    assert shape_of(made_up) == shape_of(json_of("bcb", "sgs_432_ultimos3_FUTURE_dates_20261005.json"))
    assert all(row["data"][6:] + row["data"][3:5] + row["data"][:2] > "20261005" for row in made_up)


def test_series_by_soap() -> None:
    sample = sample_at()
    body = question(433, date(2025, 7, 1), date(2026, 10, 5))
    made_up = sample.answer("bcb", Asked("/wssgs/services/FachadaWSSGS", body=body, method="POST")).body

    def tags(text: bytes) -> list[str]:
        return list(dict.fromkeys(re.findall(r"(?:<|&lt;)(?!\?)([\w:]+)", text.decode())))

    recorded = recording("bcb", "sgs_433_ipca_soap_202608.xml")
    assert [tag.rpartition(":")[2] for tag in tags(made_up)] == [tag.rpartition(":")[2] for tag in tags(recorded)]
    for field in ("DATA", "VALOR"):
        values = [
            re.findall(rf"{field}(?:>|&gt;)\s*([^<&\s]+)\s*(?:<|&lt;)/", text.decode()) for text in (made_up, recorded)
        ]
        assert {re.sub(r"\d+", "9", value).lstrip("-") for value in values[0]} == {
            re.sub(r"\d+", "9", value).lstrip("-") for value in values[1]
        }


def test_bulletins() -> None:
    period = "CotacaoDolarPeriodo(dataInicial=@dataInicial,dataFinalCotacao=@dataFinalCotacao)"
    query = {"@dataInicial": "'09-28-2026'", "@dataFinalCotacao": "'10-02-2026'", "$format": "json"}
    made_up = document_of(asked_of(sample_at(), "bcb", f"/olinda/servico/PTAX/versao/v1/odata/{period}", query))

    assert len(made_up["value"]) == 5
    for name in ("ptax_CotacaoDolarPeriodo_20260928_20261002.json", "ptax_CotacaoDolarDia_20200521.json"):
        assert differences(shape_of(json_of("bcb", name)), shape_of(made_up)) == []


def test_listing_of_coins() -> None:
    made_up = shape_of(document_of(asked_of(sample_at(), "coinmarketcap", "/data-api/v3/cryptocurrency/listing")))

    assert (
        differences(shape_of(json_of("coinmarketcap", "public_data_api_v3_listing_BTC_20220312.json")), made_up) == []
    )


def test_coingecko() -> None:
    sample = sample_at()
    markets = shape_of(document_of(asked_of(sample, "coinmarketcap", "/api/v3/coins/markets")))
    price = shape_of(document_of(asked_of(sample, "coinmarketcap", "/api/v3/simple/price", {"ids": "bitcoin"})))

    recorded = shape_of(json_of("coinmarketcap", "coingecko_coins_markets_inr_20211204.json"))
    assert differences(recorded, markets) == []
    assert differences(shape_of(json_of("coinmarketcap", "coingecko_simple_price_usd.json")), price) == []


@pytest.mark.parametrize(
    ("source", "path", "query", "recorded"),
    [
        ("googlenews", "/rss/search", {"q": "PETR4 OR Petrobras"}, ("googlenews", "search_rss_en_20260925.xml")),
        ("valor", "/rss/valor/empresas/", {}, ("valor", "pox_globo_rss_valor_empresas_20260930.xml")),
        ("bloomberg", "/markets/news.rss", {}, ("bloomberg", "feeds_bloomberg_markets_news_20260709.xml")),
    ],
)
def test_feeds(source: str, path: str, query: dict[str, str], recorded: tuple[str, str]) -> None:
    made_up = feed_shape(asked_of(sample_at(), source, path, query).body)

    besides = [f"item/media:{name}" for name in ("thumbnail", "description")]
    assert differences(feed_shape(recording(*recorded)), made_up, besides=besides) == []


@pytest.mark.parametrize(
    ("ticker", "name"), [("WEGE3", "wege3_detalhes_20260703.html"), ("ITUB4", "itub4_detalhes_20260703_bank.html")]
)
def test_fundamentus(ticker: str, name: str) -> None:
    made_up = asked_of(sample_at(EVENING), "fundamentus", "/detalhes.php", {"papel": ticker})

    years = ["2024", "2023", "2022", "2021"]
    besides = [f"{year} 0{what}" for year in years for what in ("", " markup")]
    shape = table_shape(made_up.body, "iso-8859-1")
    assert differences(table_shape(recording("fundamentus", name), "iso-8859-1"), shape, besides=besides) == []


def test_fundamentus_says_what_it_does_not_know_as_it_does() -> None:
    made_up = asked_of(sample_at(), "fundamentus", "/detalhes.php", {"papel": "VIIA3"}).body
    headings = [
        re.findall(rb"<h1>(.*?)</h1>", page) for page in (made_up, recording("fundamentus", "ticker_not_found.html"))
    ]

    assert headings[0] == headings[1] == [b"Nenhum papel encontrado"]


def test_statusinvest_has_every_label_in_the_same_place() -> None:
    made_up = html.document_fromstring(asked_of(sample_at(), "statusinvest", "/acoes/petr4").body.decode())
    recorded = html.document_fromstring(
        gzip.decompress(recording("statusinvest", "petr4_20251227_full.html.gz")).decode()
    )
    marks = frozenset({"info", "item", "title", "sub-title", "sub-value"})

    assert _misplaced_labels(StatusInvestShare, recorded, made_up, marks) == []


def test_investidor10_has_every_label_of_the_cards_in_the_same_place() -> None:
    made_up = html.document_fromstring(asked_of(sample_at(), "investidor10", "/acoes/petr4/").body.decode())
    recorded = html.document_fromstring(recording("investidor10", "petr4_cards_20260828.html").decode())
    marks = frozenset({"_card", "_card-header", "_card-body", "value", "daily-variation-badge"})

    assert _misplaced_labels(Investidor10Share, recorded, made_up, marks) == []
    for css in ("_card-body", "value", "daily-variation-badge", "last-update"):
        assert recorded.find_class(css), css
        assert made_up.find_class(css), css
    hints = [page.find_class("last-update")[0].get("data-content") for page in (made_up, recorded)]
    assert len({re.sub(r"\d", "9", str(hint)) for hint in hints}) == 1


def test_scan() -> None:
    recorded = json_of("tradingview", "scan_response_real_us_2026.json")
    question = json_of("tradingview", "scan_request_brazil.json")
    made_up = document_of(asked_of(sample_at(), "tradingview", "/brazil/scan", document=question))

    assert differences(shape_of(recorded), shape_of(made_up)) == []
    assert [len(row["d"]) for row in made_up["data"]] == [len(question["columns"])] * 2


def test_history_in_a_page() -> None:
    answer = asked_of(sample_at(), "investing", "/equities/petrobras-pn-historical-data")
    script = html.document_fromstring(answer.body.decode()).get_element_by_id("__NEXT_DATA__").text

    recorded = json_of("investing", "historicalDataStore_next_data_20260627.json")
    assert differences(shape_of(recorded), shape_of(orjson.loads(script))) == []


def test_chat_completion() -> None:
    question = json_of("chatgpt", "chat_completions_200.request.json")
    headers = {"authorization": f"Bearer {KEYS['OPENAI_API_KEY']}"}
    made_up = asked_of(sample_at(), "chatgpt", "/v1/chat/completions", document=question, headers=headers)
    refused = asked_of(
        sample_at(), "chatgpt", "/v1/chat/completions", document=question, headers={"authorization": OPENAI_KEY}
    )

    assert differences(shape_of(json_of("chatgpt", "chat_completions_200.json")), shape_of(document_of(made_up))) == []
    assert refused.status == 401
    recorded = shape_of(json_of("chatgpt", "chat_completions_400.json"))
    assert set(shape_of(document_of(refused))) == set(recorded)


def test_generated_content() -> None:
    question = json_of("gemini", "generateContent_gemini-2.5-flash_200.request.json")
    path = "/v1beta/models/gemini-2.5-flash:generateContent"
    headers = {"x-goog-api-key": KEYS["GEMINI_API_KEY"]}
    made_up = asked_of(sample_at(), "gemini", path, document=question, headers=headers)
    refused = asked_of(sample_at(), "gemini", path, document=question, headers={"x-goog-api-key": GEMINI_KEY})

    recorded = json_of("gemini", "generateContent_gemini-2.5-flash_200.json")
    assert differences(shape_of(recorded), shape_of(document_of(made_up))) == []
    assert refused.status == 400
    assert set(shape_of(document_of(refused))) == set(shape_of(json_of("gemini", "error_429.TEST_MOCK_SHAPE.json")))


def test_option_grid() -> None:
    described = json_of("opcoes", "listaopcoes_completa.DOCUMENTED_SHAPE.json")
    expiries = document_of(
        asked_of(sample_at(), "opcoes", "/listaopcoes/completa", {"idAcao": "PETR4", "listarVencimentos": "true"})
    )
    day = expiries["data"]["vencimentos"][0]["value"]
    grid = document_of(
        asked_of(sample_at(), "opcoes", "/listaopcoes/completa", {"idAcao": "PETR4", "vencimentos": day})
    )

    fields = described["data"]["cotacoesOpcoes"][0]
    assert {len(row) for row in grid["data"]["cotacoesOpcoes"]} == {len(fields)} == {len(grid["data"]["columns"])}
    assert set(expiries["data"]["vencimentos"][0]) == set(described["data"]["vencimentos"][0])


def _misplaced_labels(
    record: type, recorded: html.HtmlElement, made_up: html.HtmlElement, marks: frozenset[str]
) -> list[str]:
    """Labels that our record reads and the recording has, where the made-up page has them nowhere or elsewhere."""
    found = []
    hints = get_type_hints(record, include_extras=True)
    labels = [
        label
        for hint in hints.values()
        for note in getattr(hint, "__metadata__", ())
        if isinstance(note, Shown)
        for label in note.labels
        if label not in (NAME, DAY_CHANGE)
    ]
    for label in labels:
        place = place_of(recorded, label, marks)
        if place is not None and place_of(made_up, label, marks) != place:
            found.append(f"{label}: {place_of(made_up, label, marks)}, recorded {place}")
    return found
