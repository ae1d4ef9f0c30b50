"""Fundamentus: one page for each paper, in ISO-8859-1: tables of label and value, in three layouts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from html import escape

from pregao.domain.calendar import last_closed_session
from pregao.sample_market import ptbr
from pregao.sample_market.answer import Answer, Asked
from pregao.sample_market.balances import last_quarter
from pregao.sample_market.history import MONTH, YEAR, Past, past_of
from pregao.sample_market.market import Market
from pregao.sample_market.papers import Kind, Paper
from pregao.sample_market.ratios import Ratios

YEARS_SHOWN = 2
_KINDS = (Kind.SHARE, Kind.FUND)
_CONTENT_TYPE = "text/html; charset=ISO-8859-1"

Row = tuple[tuple[str, str], ...]
"""Pairs of label and value that stand side by side."""


def answer(market: Market, asked: Asked) -> Answer | None:
    """The page of `papel`; for what it does not know, a page that says so with HTTP 200."""
    if asked.path != "/detalhes.php":
        return None
    ticker = asked.query.get("papel", "").upper()
    paper = market.paper(ticker, *_KINDS)
    if paper is None:
        return _page(ticker, "<h1>Nenhum papel encontrado</h1><BR><BR>")
    return _page(ticker, _fund(market, paper) if paper.kind is Kind.FUND else _company(market, paper))


def _company(market: Market, paper: Paper) -> str:
    day = last_closed_session(market.now()).day
    price, past = market.prices.close(paper, day), past_of(market.prices, paper, day)
    balance = market.balances.of(paper)
    ratios = Ratios(price, balance)
    changes = _changes(market, paper, day, past)
    return "".join(
        (
            _table(_head(paper, price, day, past, "Papel", ("Tipo", paper.spec), ("Empresa", paper.name))),
            _table(
                (
                    (
                        ("Valor de mercado", _whole(ratios.worth)),
                        ("Últ balanço processado", ptbr.day(last_quarter(day))),
                    ),
                    (("Valor da firma", _whole(ratios.enterprise)), ("Nro. Ações", _whole(balance.shares))),
                )
            ),
            _table(_beside(changes, _indicators(ratios)), "Oscilações"),
            _table(_sheet(ratios), "Dados Balanço Patrimonial"),
            _table(_results(ratios), "Dados demonstrativos de resultados"),
        )
    )


def _head(
    paper: Paper, price: float, day: date, past: Past, first: str, second: tuple[str, str], third: tuple[str, str]
) -> list[Row]:
    liquidity = past.closes[-1] * paper.units * 0.0018
    return [
        ((first, paper.ticker), ("Cotação", ptbr.number(price))),
        (second, ("Data últ cot", ptbr.day(day))),
        (third, ("Min 52 sem", ptbr.number(past.lowest))),
        (("Setor", paper.sector), ("Max 52 sem", ptbr.number(past.highest))),
        (("Subsetor", paper.sector), ("Vol $ méd (2m)", _whole(liquidity))),
    ]


def _changes(market: Market, paper: Paper, day: date, past: Past) -> list[tuple[str, str]]:
    """How the price moved, down to calendar years."""
    days = (("Dia", past.change_pct(1)), ("Mês", past.month_pct))
    spans = (("30 dias", past.change_pct(MONTH)), ("12 meses", past.change_pct(YEAR)))
    years = []
    for year in range(day.year, day.year - YEARS_SHOWN, -1):
        before, after = date(year - 1, 12, 31), min(day, date(year, 12, 31))
        change = market.prices.close(paper, after) / market.prices.close(paper, before) - 1
        years.append((str(year), change * 100))
    return [(label, ptbr.percent(value)) for label, value in (*days, *spans, *years)]


def _indicators(ratios: Ratios) -> list[Row]:
    balance = ratios.balance
    shown = ptbr.number
    return [
        (("P/L", shown(ratios.earnings)), ("LPA", shown(balance.per_share))),
        (("P/VP", shown(ratios.book)), ("VPA", shown(balance.book_per_share))),
        (("P/EBIT", shown(ratios.worth_over(balance.ebit))), _margin("Marg. Bruta", ratios, balance.gross)),
        (("PSR", shown(ratios.worth_over(balance.revenue))), _margin("Marg. EBIT", ratios, balance.ebit)),
        (("P/Ativos", shown(ratios.worth_over(balance.assets))), _net_margin(ratios)),
        (
            ("P/Cap. Giro", shown(ratios.worth_over(balance.working_capital))),
            ("EBIT / Ativo", ptbr.percent(0.0 if balance.is_bank else balance.ebit / balance.assets * 100, 1)),
        ),
        (
            ("P/Ativ Circ Liq", shown(ratios.worth_over(balance.current_assets - balance.debt))),
            ("ROIC", ptbr.percent(ratios.share_pct(balance.ebit, balance.equity + balance.debt), 1)),
        ),
        (
            ("Div. Yield", ptbr.percent(ratios.dividend_pct, 1)),
            ("ROE", ptbr.percent(balance.profit / balance.equity * 100, 1)),
        ),
        (
            ("EV / EBITDA", shown(ratios.enterprise_over(balance.ebitda))),
            ("Liquidez Corr", shown(None if balance.is_bank else balance.current_assets / balance.current_debts)),
        ),
        (
            ("EV / EBIT", shown(ratios.enterprise_over(balance.ebit))),
            ("Dív Líq / Patrim", shown(ratios.debt_over(balance.equity))),
        ),
        (
            ("Cres. Rec (5a)", ptbr.percent(balance.growth_revenue, 1)),
            ("Giro Ativos", shown(None if balance.is_bank else balance.revenue / balance.assets)),
        ),
    ]


def _margin(label: str, ratios: Ratios, part: float) -> tuple[str, str]:
    return label, ptbr.percent(ratios.share_pct(part, ratios.balance.revenue), 1)


def _net_margin(ratios: Ratios) -> tuple[str, str]:
    """Banks have none, and are shown zero all the same."""
    return (
        ("Marg. Líquida", "0,0%") if ratios.balance.is_bank else _margin("Marg. Líquida", ratios, ratios.balance.profit)
    )


def _sheet(ratios: Ratios) -> list[Row]:
    """The balance: banks show deposits and credit in place of cash and debt."""
    balance = ratios.balance
    if balance.is_bank:
        return [
            (("Ativo", _whole(balance.assets)), ("Depósitos", _whole(balance.assets * 0.38))),
            (("Cart. de Crédito", _whole(balance.assets * 0.44)), ("Patrim. Líq", _whole(balance.equity))),
        ]
    return [
        (("Ativo", _whole(balance.assets)), ("Dív. Bruta", _whole(balance.debt))),
        (("Disponibilidades", _whole(balance.cash)), ("Dív. Líquida", _whole(balance.net_debt))),
        (("Ativo Circulante", _whole(balance.current_assets)), ("Patrim. Líq", _whole(balance.equity))),
    ]


def _results(ratios: Ratios) -> list[Row]:
    """Twelve months to the left, three to the right, under the same labels."""
    balance = ratios.balance
    if balance.is_bank:
        interest, services = balance.profit * 1.9, balance.profit * 1.1
        rows = (("Result Int Financ", interest, interest * 0.26), ("Rec Serviços", services, services * 0.25))
    else:
        rows = (
            ("Receita Líquida", balance.revenue, balance.revenue_3m),
            ("EBIT", balance.ebit, balance.ebit_3m),
        )
    both = (*rows, ("Lucro Líquido", balance.profit, balance.profit_3m))
    return [((label, _whole(year)), (label, _whole(quarter))) for label, year, quarter in both]


def _fund(market: Market, paper: Paper) -> str:
    day = last_closed_session(market.now()).day
    price, past = market.prices.close(paper, day), past_of(market.prices, paper, day)
    fund = market.balances.of_fund(paper)
    changes = _changes(market, paper, day, past)
    head = _head(paper, price, day, past, "FII", ("Nome", paper.name), ("Mandato", "Renda"))
    head[3:] = [
        (("Segmento", paper.sector), head[3][1]),
        (("Gestão", "Ativa"), head[4][1]),
    ]
    income = fund.yearly * fund.quotas
    indicators: list[Row] = [
        (
            ("FFO Yield", ptbr.percent(fund.yearly * 0.95 / price * 100, 1)),
            ("FFO/Cota", ptbr.number(fund.yearly * 0.95)),
        ),
        (("Div. Yield", ptbr.percent(fund.yearly / price * 100, 1)), ("Dividendo/cota", ptbr.number(fund.yearly))),
        (("P/VP", ptbr.number(price / fund.per_quota)), ("VP/Cota", ptbr.number(fund.per_quota))),
    ]
    results = (
        ("Receita", income * 1.08),
        ("Venda de ativos", 0.0),
        ("FFO", income * 0.95),
        ("Rend. Distribuído", income),
    )
    buildings = fund.equity * 0.93
    return "".join(
        (
            _table(head),
            _table(
                (
                    (
                        ("Valor de mercado", _whole(price * fund.quotas)),
                        ("Últ Info Trimestral", ptbr.day(last_quarter(day))),
                    ),
                    (("Relatório", "SAMPLE DATA"), ("Nro. Cotas", _whole(fund.quotas))),
                )
            ),
            _table(_beside(changes, indicators), "Oscilações"),
            _table([((label, _whole(year)), (label, _whole(year / 4))) for label, year in results], "Resultado"),
            _table(
                (
                    (("Ativos", _whole(fund.assets)), ("Patrim Líquido", _whole(fund.equity))),
                    (("Qtd imóveis", str(fund.properties)), ("Área (m2)", _whole(fund.area_m2))),
                    (("Qtd Unidades", str(fund.units)), ("Aluguel/m2", ptbr.number(income * 1.08 / fund.area_m2))),
                    (
                        ("Imóveis/PL do FII", ptbr.percent(buildings / fund.equity * 100, 1)),
                        ("Preço do m2", ptbr.number(buildings / fund.area_m2)),
                    ),
                    (
                        ("Cap Rate", ptbr.percent(income * 1.08 / buildings * 100, 1)),
                        ("Vacância Média", ptbr.percent(fund.vacancy_pct, 1)),
                    ),
                ),
                "Balanço Patrimonial",
            ),
        )
    )


def _beside(changes: Sequence[tuple[str, str]], others: Sequence[Row]) -> list[Row]:
    """The changes to the left of the indicators, whichever are more."""
    longest = max(len(changes), len(others))
    left = [*changes, *[("", "")] * (longest - len(changes))]
    right = [*others, *[()] * (longest - len(others))]
    return [(change, *row) for change, row in zip(left, right, strict=True)]


def _whole(amount: float | None) -> str:
    return ptbr.number(None if amount is None else round(amount, -3) if abs(amount) > 1e6 else amount, 0)


def _table(rows: Sequence[Row], title: str | None = None) -> str:
    head = f'<tr><td class="nivel1" colspan="4"><span class="txt">{title}</span></td></tr>' if title else ""
    body = "".join(f"<tr>\n{''.join(_cells(*pair) for pair in row)}</tr>\n" for row in rows)
    return f'<table class="w728">\n{head}{body}</table>\n'


def _cells(label: str, value: str) -> str:
    """Changes are set in colours and have no help beside them; all else has a question mark before its label."""
    shown = escape(value)
    if label in ("", "Dia", "Mês", "30 dias", "12 meses") or label.isdigit():
        colour = "#F75D59" if value.startswith("-") else "#306EFF"
        inside = f'<font color="{colour}">{shown}</font>' if value else ""
        return (
            f'<td class="label w1"><span class="txt">{label}</span></td>\n'
            f'<td class="data w1"><span class="oscil">{inside}</span></td>\n'
        )
    return (
        f'<td class="label w2"><span class="help tips" title="{escape(label)}">?</span>'
        f'<span class="txt">{escape(label)}</span></td>\n'
        f'<td class="data w3"><span class="txt">\n   {shown}</span></td>\n'
    )


def _page(ticker: str, content: str) -> Answer:
    markup = (
        '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN" "http://www.w3.org/TR/html4/strict.dtd">\n'
        '<html lang="pt-br">\n<head>\n'
        '\t<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1">\n'
        f"<title>FUNDAMENTUS - {escape(ticker)} - Invista consciente - Indicadores Fundamentalistas</title>\n"
        '</head>\n<body class="detalhes">\n<!-- SAMPLE DATA -->\n<div class="center">\n'
        f'<div class="topo"><p>Você está vendo<strong>{escape(ticker)}</strong></p></div>\n'
        f'<div class="conteudo clearfix">\n{content}</div>\n</div>\n</body>\n</html>'
    )
    return Answer(markup.encode("cp1252", "xmlcharrefreplace"), _CONTENT_TYPE)
