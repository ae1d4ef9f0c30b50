"""Pages in the manner of Status Invest, with invented figures: blocks with a title and a value."""

from __future__ import annotations

from collections.abc import Mapping

SHARE_TOP = {"Valor atual": "30,41", "Min. 52 semanas": "28,31", "Máx. 52 semanas": "35,88", "Dividend Yield": "10,76"}
INDICATORS = {
    "D.Y": "10,76%",
    "P/L": "5,06",
    "PEG Ratio": "-0,60",
    "P/VP": "0,93",
    "EV/EBITDA": "2,30",
    "VPA": "32,81",
    "P/Ativo": "0,32",
    "LPA": "6,01",
    "P/SR": "0,80",
    "Liq. corrente": "0,82",
    "M. Bruta": "48,15%",
    "ROE": "18,33%",
    "ROA": "6,40%",
    "ROIC": "-",
    "Giro ativos": "0,41",
    **dict.fromkeys(
        (
            "EV/EBIT",
            "P/EBITDA",
            "P/EBIT",
            "P/Cap. Giro",
            "P/Ativo Circ. Liq.",
            "Dív. líquida/PL",
            "Dív. líquida/EBITDA",
            "Dív. líquida/EBIT",
            "PL/Ativos",
            "Passivos/Ativos",
            "M. EBITDA",
            "M. EBIT",
            "M. Líquida",
            "CAGR Receitas 5 anos",
            "CAGR Lucros 5 anos",
        ),
        "-",
    ),
}
COMPANY = {
    "Valor de mercado": "404.672.578.925",
    "Nº total de papéis": "12.888.732.761",
    "Free Float": "61,21%",
    "Tipo": "PN",
    **dict.fromkeys(
        (
            "Tag Along",
            "Liq. méd. diária",
            "Valor de firma",
            "Patrimônio líquido",
            "Ativos",
            "Ativo circulante",
            "Dívida bruta",
            "Disponibilidade",
            "Dívida líquida",
            "Segmento de listagem",
        ),
        "-",
    ),
}
FUND_TOP = {
    "Valor atual": "158,50",
    "Min. 52 semanas": "140,00",
    "Máx. 52 semanas": "165,00",
    "Dividend Yield": "8,40",
    "Val. patrimonial p/cota": "161,73",
    "P/VP": "0,98",
    "Valor em caixa": "4,02",
    "Nº de Cotistas": "512.345",
    "DY CAGR (3 anos)": "3,10%",
    "Último rendimento": "1,10",
    "Valorização (12m)": "7,25%",
    "Valor CAGR (3 anos)": "2,40%",
    "Rendimento mensal médio (24M)": "1,12",
    "Liquidez média diária": "8.500.000,00",
    "Segmento": "Logística",
    "Tipo da gestão": "Ativa",
    "Público-alvo": "-",
}
QUOTE_TOP = {
    "Valor atual": "120,05",
    "Min. 52 semanas": "99,00",
    "Máx. 52 semanas": "131,20",
    "Dividend Yield": "-",
    "Valorização (12m)": "15,20%",
    "Min. mês": "R$ 118,00",
    "Máx. mês": "R$ 121,00",
    "Últimos 12 meses": "-",
    "Mês atual": "1,10%",
}
PAGE_DAY = "03/10/2026"


def info(title: str, value: str, *, below: Mapping[str, str] | None = None, falls: bool = False) -> str:
    """A figure of the upper part; `below` are the smaller ones."""
    arrow = '<span class="icon"><i class="material-icons value-down-color">arrow_downward</i></span>' if falls else ""
    smaller = "".join(
        f'<div title=""><span class="sub-title">{name}</span>\n<span class="sub-value">{text}</span></div>'
        for name, text in (below or {}).items()
    )
    hint = '<i class="material-icons help-icon">help_outline</i>'
    return (
        f'<div class="info w-50"><div><div title=""><h3 class="title m-0"><span>{title}</span>{hint}</h3>{arrow}'
        f'<span class="icon">R$</span>\n<strong class="value">{value}</strong></div>{smaller}</div></div>'
    )


def item(title: str, value: str) -> str:
    """An indicator."""
    return (
        f'<div class="w-50 item "><div><a href="/termos"><h3 class="title m-0 uppercase">{title}</h3></a>'
        f'<div><strong class="value d-block">{value}</strong><button data-key="x">show_chart</button></div></div></div>'
    )


def page(
    ticker: str,
    name: str,
    blocks: str,
    *,
    day: str = PAGE_DAY,
    change: str = "0,33%",
    falls: bool = False,
    address: str = "",
) -> bytes:
    """A whole page; `address` is what it gives as its own, if anything."""
    canonical = f'<link rel="canonical" href="{address}">' if address else ""
    arrow = "arrow_downward" if falls else "arrow_upward"
    top = (
        f'<h1 title="{ticker}">{ticker} - <small>{name}</small></h1>'
        '<span title="Variação do valor do ativo com base no dia anterior" class="sub-value">'
        f'<span class="icon"><i class="material-icons">{arrow}</i></span><b>{change}</b></span>'
        '<div title="Dividend Yield com base nos últimos 12 meses">'
        f'<i data-tooltip="com a DATA COM entre 03/10/2025 e {day}. Amortizações não"></i></div>'
    )
    return (
        '<!DOCTYPE html><html lang="pt-br"><head><meta charset="utf-8">'
        f"{canonical}<title>{ticker} - {name} PN: cotação</title></head><body>{top}<main>{blocks}</main></body></html>"
    ).encode()


def share(
    ticker: str = "SMPL4",
    *,
    without: tuple[str, ...] = (),
    changed: Mapping[str, str] | None = None,
    address: str = "",
) -> bytes:
    """The page of a share; the panel that compares papers repeats every indicator with a dash."""
    figures = {**SHARE_TOP, **INDICATORS, **COMPANY, **(changed or {})}
    top = [
        info(name, figures[name], below=below)
        for name, below in {
            "Valor atual": None,
            "Min. 52 semanas": {"Min. mês": "R$ 30,31"},
            "Máx. 52 semanas": {"Máx. mês": "R$ 32,52"},
            "Dividend Yield": {"Últimos 12 meses": "R$ 3,2724"},
        }.items()
        if name not in without
    ]
    top.append(info("Valorização (12m)", "9,84%", falls=True, below={"Mês atual": "-4,52%"}))
    indicators = [item(name, figures[name]) for name in INDICATORS if name not in without]
    compared = [item(name, "-") for name in INDICATORS if name not in without]
    company = [info(name, figures[name]) for name in COMPANY if name not in without]
    sector = "".join(
        f'<div class="info"><span class="sub-value">{what} de Atuação</span>'
        '<strong class="value">Energia</strong></div>'
        for what in ("Setor", "Subsetor", "Segmento")
    )
    return page(ticker, "SAMPLE", "".join((*top, *indicators, *compared, *company, sector)), address=address)


def fund(ticker: str = "SMPL11") -> bytes:
    """The page of a real-estate fund."""
    below: dict[str, dict[str, str]] = {
        "Val. patrimonial p/cota": {"Patrimônio": "R$ 5.464.000.000"},
        "P/VP": {"Valor de mercado": "R$ 5.350.000.000"},
        "Valor em caixa": {"Total": "R$ 59.090.000,00"},
        "Nº de Cotistas": {"Nº de cotas": "33.787.600"},
        "Min. 52 semanas": {"Min. mês": "R$ 150,00"},
        "Máx. 52 semanas": {"Máx. mês": "R$ 160,00"},
        "Dividend Yield": {"Últimos 12 meses": "R$ 13,20"},
        "Valorização (12m)": {"Mês atual": "0,40%"},
        "Último rendimento": {"Rendimento": "0,69%", "Data Base": "30/09/2026", "Data Pagamento": "15/10/2026"},
    }
    blocks = [info(_wordings(name), value, below=below.get(name)) for name, value in FUND_TOP.items()]
    return page(ticker, "SAMPLE LOG", "".join(blocks))


def quote(ticker: str) -> bytes:
    """The page of an ETF or a BDR."""
    return page(ticker, "SAMPLE INDEX", "".join(info(name, value) for name, value in QUOTE_TOP.items()))


def not_found() -> bytes:
    """What the site shows for a paper that it does not know."""
    return (
        '<!DOCTYPE html><html><head><meta charset="utf-8"><title>Status Invest</title></head>'
        "<body><h1>OPS. . .</h1><h4>Não encontramos o que você está procurando</h4></body></html>"
    ).encode()


def _wordings(name: str) -> str:
    """One title is set in several wordings, of which each width of screen shows one."""
    if name != "Val. patrimonial p/cota":
        return name
    return '</span><span class="d-none">Val. patrim. p/cota</span><span>Val. patrimonial p/cota'
