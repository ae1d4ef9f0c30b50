"""Pages in the manner of Investidor10, with invented figures: cards, and lists of indicators in both markups."""

from __future__ import annotations

from collections.abc import Collection, Mapping

UPDATED = "02/10/2026"
SHARE_CARDS = {"VARIAÇÃO (12M)": "48,12%", "P/L": "4,21", "P/VP": "1,17", "DY": "8,47%"}
FUND_CARDS = {"Dividend Yield": "8,40%", "P/VP": "0,98", "Liquidez Diária": "R$ 8,50 M", "VARIAÇÃO (12M)": "7,25%"}
ETF_CARDS = {"Capitalização": "R$ 12,3 Bilhões", "Variação (12M)": "15,20%", "VARIAÇÃO (60M)": "61,00%", "DY": "-"}
INDICATORS = {
    "P/L": "4,21",
    "LPA": "9,83",
    "ROE": "18,33%",
    "DIVIDEND YIELD - SMPL4": "8,47%",
    "MARGEM LÍQUIDA": "15,77%",
    **dict.fromkeys(
        (
            "P/RECEITA (PSR)",
            "PAYOUT",
            "MARGEM BRUTA",
            "MARGEM EBIT",
            "MARGEM EBITDA",
            "EV/EBITDA",
            "EV/EBIT",
            "P/EBITDA",
            "P/EBIT",
            "P/ATIVO",
            "P/CAP. GIRO",
            "P/ATIVO CIRC. LIQ.",
            "VPA",
            "GIRO ATIVOS",
            "ROIC",
            "ROA",
            "DÍVIDA LÍQUIDA / PATRIMÔNIO",
            "DÍVIDA LÍQUIDA / EBITDA",
            "DÍVIDA LÍQUIDA / EBIT",
            "DÍVIDA BRUTA / PATRIMÔNIO",
            "PATRIMÔNIO / ATIVOS",
            "PASSIVOS / ATIVOS",
            "LIQUIDEZ CORRENTE",
            "CAGR RECEITAS 5 ANOS",
            "CAGR LUCROS 5 ANOS",
        ),
        "-",
    ),
}
COMPANY_CELLS = dict.fromkeys(
    (
        "Valor de firma",
        "Patrimônio Líquido",
        "Ativos",
        "Ativo Circulante",
        "Dívida Bruta",
        "Dívida Líquida",
        "Disponibilidade",
        "Nº total de papeis",
        "Liquidez Média Diária",
        "Free Float",
        "Tag Along",
        "Segmento de Listagem",
        "Setor",
        "Segmento",
    ),
    "-",
)
FUND_CELLS = {
    "Razão Social": "SAMPLE LOGÍSTICA FII",
    "Segmento": "Logística",
    "VACÂNCIA": "4,20%",
    "NUMERO DE COTISTAS": "512.345",
    "VAL. PATRIMONIAL P/ COTA": "R$ 161,73",
    "VALOR PATRIMONIAL": "R$ 5,46 Bilhões",
    "ÚLTIMO RENDIMENTO": "R$ 1,10",
    "TAXA DE ADMINISTRAÇÃO": "0,60% a.a",
    **dict.fromkeys(
        (
            "CNPJ",
            "PÚBLICO-ALVO",
            "MANDATO",
            "TIPO DE FUNDO",
            "PRAZO DE DURAÇÃO",
            "TIPO DE GESTÃO",
            "COTAS EMITIDAS",
        ),
        "-",
    ),
}


def price_card(price: str, change: str, *, tone: str = "positive", updated: str | None = UPDATED) -> str:
    """The card of the price, with the badge of the day's change."""
    hint = f'<i class="last-update" data-content="Última atualização {updated}"></i>' if updated else ""
    return (
        '<div class="_card cotacao"><div class="_card-header"><div><span title="Cotação">Cotação</span></div></div>'
        f'<div class="_card-body"><div>\n<span class="value">R$ {price}</span>'
        f'<span class="daily-variation-badge daily-variation-badge--{tone}">\n<svg></svg>  {change}\n</span></div>'
        f"{hint}</div></div>"
    )


def card(title: str, value: str, *, css: str = "pl", shown: str | None = None, arrow: str = "up") -> str:
    """Another card; its class does not say what is in it."""
    head = f'<div class="_card-header"><div><span title="{title}">{shown or title}</span></div></div>'
    return (
        f'<div class="_card {css}">{head}'
        f'<div class="_card-body"><div>\n<span>{value}</span><img src="/images/seta-{arrow}.svg"/></div>'
        '<i class="popover-trigger" data-content="P/L"></i></div></div>'
    )


def indicator(title: str, value: str) -> str:
    """An indicator in the newer markup, where a long title may break."""
    broken = title.replace("MARGEM ", "MARGEM <wbr>")
    return (
        f'<article class="indicator-card"><div class="indicator-card-title"><span>{broken}</span></div>'
        f'<div class="indicator-card-value"><span>{value}</span></div></article>'
    )


def cell(title: str, value: str) -> str:
    """An entry of the older markup."""
    return (
        f'<div class="cell"><div class="desc"><span class="d-flex name">{title}</span>'
        f'<div class="value"><span>{value}</span></div></div></div>'
    )


def amount(title: str, rounded: str, exact: str) -> str:
    """An amount of the company, shown rounded and in full."""
    return (
        f'<div class="cell"><span class="title">{title}</span><span class="value"><div class="simple-value">{rounded}'
        f'</div><div class="detail-value">{exact}</div></span></div>'
    )


def page(ticker: str, body: str, *, address: str = "") -> bytes:
    """A whole page; its script has the figures of the sector. `address` is what it gives as its own, if anything."""
    canonical = f'<link rel="canonical" href="{address}">' if address else ""
    script = "<script>var _sectorIndicators = {'P/L': '99,99'};</script>"
    return (
        f'<!DOCTYPE html><html><head><meta charset="utf-8">{canonical}<title>{ticker}: cotação</title></head>'
        f'<body><h1 class="h2-title">{ticker}</h1><div id="cards-ticker">{body}</div>{script}</body></html>'
    ).encode()


def share(
    ticker: str = "SMPL4",
    *,
    cards: Mapping[str, str] = SHARE_CARDS,
    price: str = "43,55",
    without: Collection[str] = (),
    address: str = "",
) -> bytes:
    """The page of a share, without some of what is listed below its cards."""
    parts = [price_card(price, "1,99%"), *(card(title, value) for title, value in cards.items())]
    parts += [indicator(title, value) for title, value in INDICATORS.items() if title not in without]
    parts.append(amount("Valor de mercado", "R$ 567,39 Bilhões", "R$ 567.386.000.000"))
    parts += [cell(title, value) for title, value in COMPANY_CELLS.items() if title not in without]
    return page(ticker, "".join(parts), address=address)


def fund(ticker: str = "SMPL11") -> bytes:
    """The page of a real-estate fund."""
    parts = [price_card("158,50", "0,10%", tone="negative")]
    parts += [card(title, value, css="dy", shown=f"{ticker} DY (12M)") for title, value in FUND_CARDS.items()]
    parts += [cell(title, value) for title, value in FUND_CELLS.items()]
    return page(ticker, "".join(parts))


def etf(ticker: str = "INDX11") -> bytes:
    """The page of an ETF."""
    parts = [price_card("120,05", "0,50%", updated=None), *(card(title, value) for title, value in ETF_CARDS.items())]
    return page(ticker, "".join(parts))


def not_found() -> bytes:
    """What the site shows for an address that it does not have."""
    return (
        '<!DOCTYPE html><html><head><meta charset="utf-8"><title>Página não encontrada - Investidor10</title></head>'
        "<body><h1>Página não encontrada</h1></body></html>"
    ).encode()
