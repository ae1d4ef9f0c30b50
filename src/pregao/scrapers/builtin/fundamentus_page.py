"""The page of one paper on Fundamentus: tables of label and value, in the layouts of a company, a bank and a fund."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, ClassVar

from lxml.html import HtmlElement

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.domain.names import fold
from pregao.scrapers.html_pages import classes_of, read_page, text_of
from pregao.scrapers.labelled_fields import (
    LABEL,
    OPTIONAL,
    VALUE,
    Cells,
    Reading,
    count_at,
    date_at,
    number_at,
    percent_at,
    read_record,
    says_no_price,
    text_at,
)
from pregao.scrapers.numbers_ptbr import percent

HOST = "www.fundamentus.com.br"

_NOT_FOUND = fold("Nenhum papel encontrado")
_FIRST_YEAR, _LAST_YEAR = 1980, 2200


@dataclass(frozen=True, slots=True)
class FundamentusShare:
    """A company's share. Money is BRL, `_pct` is percent; None is a dash or a cell that this layout does not have.

    Banks have the fields `OF_BANKS` in place of those `OF_OTHERS`; the `0,0%` that Fundamentus prints for a bank's net
    margin and `EBIT / Ativo` means that there is none, and is kept as 0. The site shows the same label
    twice for results: the first is for twelve months, the second for three.
    """

    FEWEST_VALUES: ClassVar[int] = 10
    MOST_MISSING: ClassVar[int] = 5
    OF_BANKS: ClassVar[frozenset[str]] = frozenset(
        {
            "depositos",
            "carteira_credito",
            "result_int_financ_12m",
            "result_int_financ_3m",
            "rec_servicos_12m",
            "rec_servicos_3m",
        }
    )
    OF_OTHERS: ClassVar[frozenset[str]] = frozenset(
        {
            "disponibilidades",
            "ativo_circulante",
            "div_bruta",
            "div_liquida",
            "receita_12m",
            "receita_3m",
            "ebit_12m",
            "ebit_3m",
        }
    )

    ticker: Annotated[str, text_at("Papel", need=VALUE)]
    tipo: Annotated[str | None, text_at("Tipo")]
    empresa: Annotated[str | None, text_at("Empresa")]
    setor: Annotated[str | None, text_at("Setor")]
    subsetor: Annotated[str | None, text_at("Subsetor")]
    price: Annotated[float, number_at("Cotação", need=VALUE)]
    quote_date: Annotated[date, date_at("Data últ cot", need=VALUE)]
    min_52w: Annotated[float | None, number_at("Min 52 sem", need=LABEL)]
    max_52w: Annotated[float | None, number_at("Max 52 sem", need=LABEL)]
    avg_volume_2m_brl: Annotated[float | None, number_at("Vol $ méd (2m)")]
    market_cap: Annotated[float | None, number_at("Valor de mercado", need=LABEL)]
    enterprise_value: Annotated[float | None, number_at("Valor da firma")]
    shares: Annotated[int | None, count_at("Nro. Ações")]
    last_balance: Annotated[date | None, date_at("Últ balanço processado")]
    change_day_pct: Annotated[float | None, percent_at("Dia")]
    change_month_pct: Annotated[float | None, percent_at("Mês")]
    change_30d_pct: Annotated[float | None, percent_at("30 dias")]
    change_12m_pct: Annotated[float | None, percent_at("12 meses")]
    pl: Annotated[float | None, number_at("P/L", need=LABEL)]
    lpa: Annotated[float | None, number_at("LPA", need=LABEL)]
    pvp: Annotated[float | None, number_at("P/VP", need=LABEL)]
    vpa: Annotated[float | None, number_at("VPA", need=LABEL)]
    p_ebit: Annotated[float | None, number_at("P/EBIT")]
    psr: Annotated[float | None, number_at("PSR")]
    p_ativos: Annotated[float | None, number_at("P/Ativos")]
    p_cap_giro: Annotated[float | None, number_at("P/Cap. Giro")]
    p_ativ_circ_liq: Annotated[float | None, number_at("P/Ativ Circ Liq")]
    dy_pct: Annotated[float | None, percent_at("Div. Yield", need=LABEL)]
    ev_ebitda: Annotated[float | None, number_at("EV / EBITDA")]
    ev_ebit: Annotated[float | None, number_at("EV / EBIT")]
    cres_rec_5a_pct: Annotated[float | None, percent_at("Cres. Rec (5a)")]
    marg_bruta_pct: Annotated[float | None, percent_at("Marg. Bruta")]
    marg_ebit_pct: Annotated[float | None, percent_at("Marg. EBIT")]
    marg_liquida_pct: Annotated[float | None, percent_at("Marg. Líquida")]
    ebit_ativo_pct: Annotated[float | None, percent_at("EBIT / Ativo")]
    roic_pct: Annotated[float | None, percent_at("ROIC")]
    roe_pct: Annotated[float | None, percent_at("ROE", need=LABEL)]
    liquidez_corr: Annotated[float | None, number_at("Liquidez Corr")]
    # The label changed with its meaning in 2026: gross debt before, net debt since.
    div_br_patrim: Annotated[float | None, number_at("Div Br/ Patrim", "Dív Bruta / Patrim", need=OPTIONAL)]
    div_liq_patrim: Annotated[float | None, number_at("Dív Líq / Patrim")]
    giro_ativos: Annotated[float | None, number_at("Giro Ativos")]
    ativo: Annotated[float | None, number_at("Ativo")]
    disponibilidades: Annotated[float | None, number_at("Disponibilidades")]
    ativo_circulante: Annotated[float | None, number_at("Ativo Circulante")]
    div_bruta: Annotated[float | None, number_at("Dív. Bruta")]
    div_liquida: Annotated[float | None, number_at("Dív. Líquida")]
    patrim_liq: Annotated[float | None, number_at("Patrim. Líq")]
    depositos: Annotated[float | None, number_at("Depósitos")]
    carteira_credito: Annotated[float | None, number_at("Cart. de Crédito")]
    receita_12m: Annotated[float | None, number_at("Receita Líquida")]
    receita_3m: Annotated[float | None, number_at("Receita Líquida", nth=1)]
    ebit_12m: Annotated[float | None, number_at("EBIT")]
    ebit_3m: Annotated[float | None, number_at("EBIT", nth=1)]
    result_int_financ_12m: Annotated[float | None, number_at("Result Int Financ")]
    result_int_financ_3m: Annotated[float | None, number_at("Result Int Financ", nth=1)]
    rec_servicos_12m: Annotated[float | None, number_at("Rec Serviços")]
    rec_servicos_3m: Annotated[float | None, number_at("Rec Serviços", nth=1)]
    lucro_12m: Annotated[float | None, number_at("Lucro Líquido")]
    lucro_3m: Annotated[float | None, number_at("Lucro Líquido", nth=1)]


@dataclass(frozen=True, slots=True)
class FundamentusFund:
    """A real-estate fund. Money is BRL, `_pct` is percent, areas are m²; results are for twelve and three months.

    Written from what is publicly known of this layout: no page of it was recorded.
    """

    FEWEST_VALUES: ClassVar[int] = 8
    MOST_MISSING: ClassVar[int] = 8

    ticker: Annotated[str, text_at("FII", "Papel", need=VALUE)]
    nome: Annotated[str | None, text_at("Nome")]
    mandato: Annotated[str | None, text_at("Mandato")]
    segmento: Annotated[str | None, text_at("Segmento")]
    gestao: Annotated[str | None, text_at("Gestão")]
    price: Annotated[float, number_at("Cotação", need=VALUE)]
    quote_date: Annotated[date, date_at("Data últ cot", need=VALUE)]
    min_52w: Annotated[float | None, number_at("Min 52 sem")]
    max_52w: Annotated[float | None, number_at("Max 52 sem")]
    avg_volume_2m_brl: Annotated[float | None, number_at("Vol $ méd (2m)")]
    market_cap: Annotated[float | None, number_at("Valor de mercado")]
    quotas: Annotated[int | None, count_at("Nro. Cotas")]
    last_quarterly_report: Annotated[date | None, date_at("Últ Info Trimestral")]
    change_day_pct: Annotated[float | None, percent_at("Dia")]
    change_month_pct: Annotated[float | None, percent_at("Mês")]
    change_30d_pct: Annotated[float | None, percent_at("30 dias")]
    change_12m_pct: Annotated[float | None, percent_at("12 meses")]
    ffo_yield_pct: Annotated[float | None, percent_at("FFO Yield", need=LABEL)]
    ffo_cota: Annotated[float | None, number_at("FFO/Cota")]
    dy_pct: Annotated[float | None, percent_at("Div. Yield", need=LABEL)]
    dividendo_cota: Annotated[float | None, number_at("Dividendo/cota")]
    pvp: Annotated[float | None, number_at("P/VP", need=LABEL)]
    vp_cota: Annotated[float | None, number_at("VP/Cota", need=LABEL)]
    receita_12m: Annotated[float | None, number_at("Receita")]
    receita_3m: Annotated[float | None, number_at("Receita", nth=1)]
    venda_ativos_12m: Annotated[float | None, number_at("Venda de ativos")]
    venda_ativos_3m: Annotated[float | None, number_at("Venda de ativos", nth=1)]
    ffo_12m: Annotated[float | None, number_at("FFO")]
    ffo_3m: Annotated[float | None, number_at("FFO", nth=1)]
    rend_distribuido_12m: Annotated[float | None, number_at("Rend. Distribuído")]
    rend_distribuido_3m: Annotated[float | None, number_at("Rend. Distribuído", nth=1)]
    ativos: Annotated[float | None, number_at("Ativos")]
    patrim_liq: Annotated[float | None, number_at("Patrim Líquido", "Patrim. Líq")]
    imoveis: Annotated[int | None, count_at("Qtd imóveis")]
    unidades: Annotated[int | None, count_at("Qtd Unidades")]
    area_m2: Annotated[float | None, number_at("Área (m2)")]
    aluguel_m2: Annotated[float | None, number_at("Aluguel/m2")]
    preco_m2: Annotated[float | None, number_at("Preço do m2")]
    imoveis_patrim_pct: Annotated[float | None, percent_at("Imóveis/PL do FII")]
    cap_rate_pct: Annotated[float | None, percent_at("Cap Rate")]
    vacancia_media_pct: Annotated[float | None, percent_at("Vacância Média")]


@dataclass(frozen=True, slots=True)
class FundamentusPage:
    """One page: its layout (`share`, `bank`, `fund`), its record, and the price changes of calendar years in %."""

    kind: str
    reading: Reading[FundamentusShare] | Reading[FundamentusFund]
    change_by_year_pct: dict[str, float]


def parse_fundamentus(body: bytes, ticker: str) -> FundamentusPage:
    """Read the page of a paper (detalhes.php), in either encoding.

    Raises ScrapeError: NOT_FOUND for "Nenhum papel encontrado" and for a paper without a price, VALIDATION for what is
    not the format, naming what is missing, BLOCKED, RATE_LIMITED or NETWORK for pages in place of it.
    """
    page = read_page(body, HOST)
    if any(fold(text_of(heading)) == _NOT_FOUND for heading in page.iter("h1")):
        raise ScrapeError(f"Fundamentus does not know {ticker}", FailureClass.NOT_FOUND)
    cells = _cells(page)
    if says_no_price(cells.text(("Cotação",))):
        raise ScrapeError(f"Fundamentus has no price for {ticker}", FailureClass.NOT_FOUND)
    kind, reading = _layout(cells)
    if reading.record.ticker.upper() != ticker:
        raise ScrapeError(f"Fundamentus sent {reading.record.ticker[:40]!r} for {ticker}", FailureClass.VALIDATION)
    return FundamentusPage(kind, reading, _years(cells))


def _layout(cells: Cells) -> tuple[str, Reading[FundamentusShare] | Reading[FundamentusFund]]:
    if cells.has("FFO Yield") or cells.has("VP/Cota"):
        return "fund", read_record(FundamentusFund, cells, "Fundamentus's page of a fund")
    bank = cells.has("Depósitos") or cells.has("Cart. de Crédito")
    kind, foreign = ("bank", FundamentusShare.OF_OTHERS) if bank else ("share", FundamentusShare.OF_BANKS)
    return kind, read_record(FundamentusShare, cells, f"Fundamentus's page of a {kind}", foreign=foreign)


def _cells(page: HtmlElement) -> Cells:
    """Each label with the data cell that follows it in its row."""
    cells = Cells()
    for row in page.iter("tr"):
        label: str | None = None
        for cell in row.iterchildren("td"):
            classes = classes_of(cell)
            if "label" in classes:
                label = _label(cell)
            elif "data" in classes and label is not None:
                cells.add(label, text_of(cell))
                label = None
    return cells


def _label(cell: HtmlElement) -> str:
    """The words of a label, without the question mark before them that shows its help."""
    return " ".join(text_of(part) for part in cell if "help" not in classes_of(part)) or text_of(cell)


def _years(cells: Cells) -> dict[str, float]:
    found: dict[str, float] = {}
    for year in range(_FIRST_YEAR, _LAST_YEAR):
        change = percent(cells.text((str(year),)))
        if change is not None:
            found[str(year)] = change
    return found
