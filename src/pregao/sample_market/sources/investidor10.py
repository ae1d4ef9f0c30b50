"""Investidor10: one page for each paper, with cards on top and indicators below; titles say what is in them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from html import escape

from pregao.domain.calendar import last_closed_session
from pregao.sample_market import ptbr
from pregao.sample_market.answer import Answer, Asked, page_of
from pregao.sample_market.history import YEAR, past_of
from pregao.sample_market.market import Market
from pregao.sample_market.papers import Kind, Paper
from pregao.sample_market.ratios import Ratios
from pregao.sample_market.sources.paper_folders import in_folder

FOLDERS = {"acoes": Kind.SHARE, "fiis": Kind.FUND, "fiagros": Kind.AGRO_FUND, "etfs": Kind.ETF, "bdrs": Kind.BDR}
_CSS = ("pl", "val", "vp", "dy")
_NOT_FOUND = (
    '<!DOCTYPE html><html lang="pt-br"><head><meta charset="utf-8"><title>Página não encontrada - Investidor10</title>'
    "</head><body><h1>Página não encontrada</h1></body></html>"
)


def answer(market: Market, asked: Asked) -> Answer | None:
    """The page of a paper in its folder; 404 with a page of its own for what is not there."""
    paper, is_page = in_folder(market, asked.path, FOLDERS)
    if paper is None:
        return page_of(_NOT_FOUND, 404) if is_page else None
    day = last_closed_session(market.now()).day
    price, past = market.prices.close(paper, day), past_of(market.prices, paper, day)
    change = past.change_pct(YEAR)
    match paper.kind:
        case Kind.SHARE | Kind.BDR:
            cards, lists = _share(market, paper, price, change)
        case Kind.FUND | Kind.AGRO_FUND:
            cards, lists = _fund(market, paper, price, change)
        case Kind.ETF:
            worth = ptbr.rounded_money(price * paper.units)
            twelve = ptbr.percent(change)
            cards = {"Capitalização": worth, "VARIAÇÃO (12M)": twelve, "VARIAÇÃO (60M)": twelve, "DY": ptbr.MISSING}
            lists = ""
    parts = [_price_card(price, past.change_pct(1), day)]
    parts += [_card(title, value, _CSS[number % len(_CSS)]) for number, (title, value) in enumerate(cards.items())]
    return page_of(_page(paper, "".join(parts), lists))


def _share(market: Market, paper: Paper, price: float, change: float) -> tuple[dict[str, str], str]:
    ratios = Ratios(price, market.balances.of(paper))
    cards = {
        "VARIAÇÃO (12M)": ptbr.percent(change),
        "P/L": ptbr.number(ratios.earnings),
        "P/VP": ptbr.number(ratios.book),
        "DY": ptbr.percent(ratios.dividend_pct),
    }
    indicators = "".join(_indicator(title, value) for title, value in _indicators(ratios, paper).items())
    amounts = "".join(_amount(title, value) for title, value in _amounts(ratios).items())
    facts = {
        "Nº total de papeis": ptbr.number(ratios.balance.shares, 0),
        "Segmento de Listagem": paper.level,
        "Free Float": ptbr.percent(ratios.balance.free_float),
        "Tag Along": "100,00%",
        "Setor": paper.sector,
        "Segmento": paper.sector,
    }
    return cards, f"{indicators}{amounts}{_cells(facts)}"


def _indicators(ratios: Ratios, paper: Paper) -> dict[str, str]:
    balance = ratios.balance
    number, percent = ptbr.number, ptbr.percent
    return {
        "P/L": number(ratios.earnings),
        "P/RECEITA (PSR)": number(ratios.worth_over(balance.revenue)),
        "P/VP": number(ratios.book),
        f"DIVIDEND YIELD - {paper.ticker}": percent(ratios.dividend_pct),
        "PAYOUT": percent(balance.dividends / balance.profit * 100),
        "MARGEM LÍQUIDA": percent(ratios.share_pct(balance.profit, balance.revenue)),
        "MARGEM BRUTA": percent(ratios.share_pct(balance.gross, balance.revenue)),
        "MARGEM EBIT": percent(ratios.share_pct(balance.ebit, balance.revenue)),
        "MARGEM EBITDA": percent(ratios.share_pct(balance.ebitda, balance.revenue)),
        "EV/EBITDA": number(ratios.enterprise_over(balance.ebitda)),
        "EV/EBIT": number(ratios.enterprise_over(balance.ebit)),
        "P/EBITDA": number(ratios.worth_over(balance.ebitda)),
        "P/EBIT": number(ratios.worth_over(balance.ebit)),
        "P/ATIVO": number(ratios.worth / balance.assets),
        "P/CAP. GIRO": number(ratios.worth_over(balance.working_capital)),
        "P/ATIVO CIRC. LIQ.": number(ratios.worth_over(balance.current_assets - balance.debt)),
        "VPA": number(balance.book_per_share),
        "LPA": number(balance.per_share),
        "GIRO ATIVOS": number(None if balance.is_bank else balance.revenue / balance.assets),
        "ROE": percent(balance.profit / balance.equity * 100),
        "ROIC": percent(ratios.share_pct(balance.ebit, balance.equity + balance.debt)),
        "ROA": percent(balance.profit / balance.assets * 100),
        "DÍVIDA LÍQUIDA / PATRIMÔNIO": number(ratios.debt_over(balance.equity)),
        "DÍVIDA LÍQUIDA / EBITDA": number(ratios.debt_over(balance.ebitda)),
        "DÍVIDA LÍQUIDA / EBIT": number(ratios.debt_over(balance.ebit)),
        "DÍVIDA BRUTA / PATRIMÔNIO": number(None if balance.is_bank else balance.debt / balance.equity),
        "PATRIMÔNIO / ATIVOS": number(balance.equity / balance.assets),
        "PASSIVOS / ATIVOS": number(1 - balance.equity / balance.assets),
        "LIQUIDEZ CORRENTE": number(None if balance.is_bank else balance.current_assets / balance.current_debts),
        "CAGR RECEITAS 5 ANOS": percent(balance.growth_revenue),
        "CAGR LUCROS 5 ANOS": percent(balance.growth_profit),
    }


def _amounts(ratios: Ratios) -> dict[str, float]:
    balance = ratios.balance
    found = {
        "Valor de mercado": ratios.worth,
        "Patrimônio Líquido": balance.equity,
        "Ativos": balance.assets,
        "Liquidez Média Diária": ratios.worth * 0.0018,
    }
    if ratios.enterprise is None:
        return found
    return {
        **found,
        "Valor de firma": ratios.enterprise,
        "Ativo Circulante": balance.current_assets,
        "Dívida Bruta": balance.debt,
        "Dívida Líquida": balance.net_debt,
        "Disponibilidade": balance.cash,
    }


def _fund(market: Market, paper: Paper, price: float, change: float) -> tuple[dict[str, str], str]:
    fund = market.balances.of_fund(paper)
    cards = {
        f"{paper.ticker} DY (12M)": ptbr.percent(fund.yearly / price * 100),
        "P/VP": ptbr.number(price / fund.per_quota),
        "Liquidez Diária": ptbr.rounded_money(price * fund.quotas * 0.0009),
        "VARIAÇÃO (12M)": ptbr.percent(change),
    }
    facts = {
        "Razão Social": paper.name,
        "CNPJ": "00.000.000/0001-91",
        "PÚBLICO-ALVO": "Investidores em Geral",
        "MANDATO": "Renda",
        "SEGMENTO": paper.sector,
        "TIPO DE FUNDO": "Fundo de Tijolo",
        "PRAZO DE DURAÇÃO": "Indeterminado",
        "TIPO DE GESTÃO": "Ativa",
        "TAXA DE ADMINISTRAÇÃO": "0,60% a.a",
        "VACÂNCIA": ptbr.percent(fund.vacancy_pct),
        "NUMERO DE COTISTAS": ptbr.number(fund.holders, 0),
        "COTAS EMITIDAS": ptbr.number(fund.quotas, 0),
        "VAL. PATRIMONIAL P/ COTA": ptbr.money(fund.per_quota),
        "VALOR PATRIMONIAL": ptbr.rounded_money(fund.equity),
        "ÚLTIMO RENDIMENTO": ptbr.money(fund.income),
    }
    return cards, _cells(facts)


def _price_card(price: float, change: float, day: date) -> str:
    tone = "negative" if change < 0 else "positive"
    return (
        '<div class="_card cotacao"><div class="_card-header"><div><span title="Cotação">Cotação</span></div></div>\n'
        f'<div class="_card-body"><div>\n<span class="value">{ptbr.money(price)}</span>\n'
        f'<span class="daily-variation-badge daily-variation-badge--{tone}">\n<svg></svg>\n  '
        f'{ptbr.percent(abs(change))}\n</span></div>\n<i class="far fa-question-circle popover-trigger last-update" '
        f'data-content="Última atualização {ptbr.day(day)}"></i></div></div>\n'
    )


def _card(title: str, value: str, css: str) -> str:
    arrow = "down" if value.startswith("-") else "up"
    image = f'<img alt="" src="/assets/front/images/seta-{arrow}.svg"/>' if title.startswith("VARIA") else ""
    return (
        f'<div class="_card {css}"><div class="_card-header"><div><span title="{title}">{title}</span></div></div>\n'
        f'<div class="_card-body"><div>\n<span>{value}</span>{image}</div>'
        f'<i class="far fa-question-circle popover-trigger" data-content="{title}"></i></div></div>\n'
    )


def _indicator(title: str, value: str) -> str:
    """In the newer markup; a long title may break."""
    broken = title.replace(" / ", " / <wbr>")
    return (
        f'<article class="indicator-card"><div class="indicator-card-title"><span>{broken}</span></div>'
        f'<div class="indicator-card-value"><span>{value}</span></div></article>\n'
    )


def _amount(title: str, value: float) -> str:
    """Rounded, and in full."""
    return (
        f'<div class="cell"><span class="title">{title}</span><span class="value">'
        f'<div class="simple-value">{ptbr.rounded_money(value)}</div>'
        f'<div class="detail-value">{ptbr.money(round(value), 0)}</div></span></div>\n'
    )


def _cells(facts: Mapping[str, str]) -> str:
    return "".join(
        f'<div class="cell"><div class="desc"><span class="d-flex name">{title}</span>'
        f'<div class="value"><span>{escape(value)}</span></div></div></div>\n'
        for title, value in facts.items()
    )


def _page(paper: Paper, cards: str, lists: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="pt-br"><head><meta charset="utf-8">'
        f"<title>{paper.ticker}: cotação</title></head>\n<body>\n<!-- SAMPLE DATA -->\n"
        f'<h1 class="h2-title" data-content-id="logo">{paper.ticker}</h1>\n'
        f'<section id="cards-ticker">{cards}</section>\n<section id="table-indicators">{lists}</section>\n'
        "<script>var _sectorIndicators = {'P/L': '99,99'};</script>\n</body></html>"
    )
