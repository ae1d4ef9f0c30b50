"""Status Invest: one page for each paper; a figure stands below its title, smaller ones beside theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from html import escape

from pregao.domain.calendar import market_day, previous_session
from pregao.sample_market import ptbr
from pregao.sample_market.answer import Answer, Asked, page_of
from pregao.sample_market.history import YEAR, Past, past_of
from pregao.sample_market.market import Market
from pregao.sample_market.papers import Kind, Paper
from pregao.sample_market.prices import Bar
from pregao.sample_market.ratios import Ratios
from pregao.sample_market.sources.paper_folders import in_folder

FOLDERS = {
    "acoes": Kind.SHARE,
    "fundos-imobiliarios": Kind.FUND,
    "fiagros": Kind.AGRO_FUND,
    "etfs": Kind.ETF,
    "bdrs": Kind.BDR,
}
_NOT_FOUND = (
    '<!DOCTYPE html><html lang="pt-br"><head><meta charset="utf-8"><title>Status Invest</title></head><body>'
    "<h1>OPS. . .</h1><h4>Não encontramos o que você está procurando</h4></body></html>"
)


def answer(market: Market, asked: Asked) -> Answer | None:
    """The page of a paper in its folder; 404 with a page of its own for what is not there."""
    paper, is_page = in_folder(market, asked.path, FOLDERS)
    if paper is None:
        return page_of(_NOT_FOUND, 404) if is_page else None
    bar = market.delayed(paper)
    past = past_of(market.prices, paper, bar.day, bar.close)
    match paper.kind:
        case Kind.SHARE:
            blocks = _share(market, paper, bar, past)
        case Kind.FUND | Kind.AGRO_FUND:
            blocks = _fund(market, paper, bar, past)
        case Kind.ETF | Kind.BDR:
            blocks = _top(bar, past, 0.0)
    return page_of(_page(paper, blocks, market_day(market.now())))


def _share(market: Market, paper: Paper, bar: Bar, past: Past) -> str:
    ratios = Ratios(bar.close, market.balances.of(paper))
    indicators = _indicators(ratios)
    company = "".join(_info(title, value) for title, value in _company(ratios, paper).items())
    liquidity = ptbr.number(bar.close * paper.units * 0.0018)
    beside = "".join(
        (
            _info("Tipo", paper.spec.partition(" ")[0] or paper.spec),
            _smaller_title(("Tag Along",), "100 %"),
            _smaller_title(("Liq. méd. diária", "Liquidez média diária"), liquidity, icon="R$"),
            _info("Participação no IBOV", ptbr.number(ratios.worth / 4.2e12 * 100, 3), icon="%"),
        )
    )
    company += _linked_title("Free Float", ptbr.percent(ratios.balance.free_float))
    sectors = "".join(
        _smaller_title((f"{what} de Atuação",), paper.sector) for what in ("Setor", "Subsetor", "Segmento")
    )
    # The panel that compares papers repeats every title, with dashes.
    compared = "".join(_item(title, ptbr.MISSING) for title in indicators)
    return "".join(
        (
            _top(bar, past, ratios.balance.dividend_per_share),
            beside,
            *(_item(title, value) for title, value in indicators.items()),
            compared,
            company,
            sectors,
        )
    )


def _indicators(ratios: Ratios) -> dict[str, str]:
    balance = ratios.balance
    number, percent = ptbr.number, ptbr.percent
    return {
        "D.Y": percent(ratios.dividend_pct),
        "P/L": number(ratios.earnings),
        "PEG Ratio": number(ratios.earnings / balance.growth_profit),
        "P/VP": number(ratios.book),
        "EV/EBITDA": number(ratios.enterprise_over(balance.ebitda)),
        "EV/EBIT": number(ratios.enterprise_over(balance.ebit)),
        "P/EBITDA": number(ratios.worth_over(balance.ebitda)),
        "P/EBIT": number(ratios.worth_over(balance.ebit)),
        "VPA": number(balance.book_per_share),
        "P/Ativo": number(ratios.worth / balance.assets),
        "LPA": number(balance.per_share),
        "P/SR": number(ratios.worth_over(balance.revenue)),
        "P/Cap. Giro": number(ratios.worth_over(balance.working_capital)),
        "P/Ativo Circ. Liq.": number(ratios.worth_over(balance.current_assets - balance.debt)),
        "Dív. líquida/PL": number(ratios.debt_over(balance.equity)),
        "Dív. líquida/EBITDA": number(ratios.debt_over(balance.ebitda)),
        "Dív. líquida/EBIT": number(ratios.debt_over(balance.ebit)),
        "PL/Ativos": number(balance.equity / balance.assets),
        "Passivos/Ativos": number(1 - balance.equity / balance.assets),
        "Liq. corrente": number(None if balance.is_bank else balance.current_assets / balance.current_debts),
        "M. Bruta": percent(ratios.share_pct(balance.gross, balance.revenue)),
        "M. EBITDA": percent(ratios.share_pct(balance.ebitda, balance.revenue)),
        "M. EBIT": percent(ratios.share_pct(balance.ebit, balance.revenue)),
        "M. Líquida": percent(ratios.share_pct(balance.profit, balance.revenue)),
        "ROE": percent(balance.profit / balance.equity * 100),
        "ROA": percent(balance.profit / balance.assets * 100),
        "ROIC": percent(ratios.share_pct(balance.ebit * 0.66, balance.equity + balance.debt)),
        "Giro ativos": number(None if balance.is_bank else balance.revenue / balance.assets),
        "CAGR Receitas 5 anos": percent(balance.growth_revenue),
        "CAGR Lucros 5 anos": percent(balance.growth_profit),
    }


def _company(ratios: Ratios, paper: Paper) -> dict[str, str]:
    balance = ratios.balance
    amounts = {
        "Patrimônio líquido": balance.equity,
        "Ativos": balance.assets,
        "Ativo circulante": None if balance.is_bank else balance.current_assets,
        "Dívida bruta": None if balance.is_bank else balance.debt,
        "Disponibilidade": None if balance.is_bank else balance.cash,
        "Dívida líquida": None if balance.is_bank else balance.net_debt,
        "Valor de mercado": ratios.worth,
        "Valor de firma": ratios.enterprise,
        "Nº total de papéis": balance.shares,
    }
    whole = {title: ptbr.number(amount, 0) for title, amount in amounts.items()}
    return {**whole, "Segmento de listagem": paper.level}


def _fund(market: Market, paper: Paper, bar: Bar, past: Past) -> str:
    fund = market.balances.of_fund(paper)
    month = market_day(market.now()).replace(day=1)
    record_day = previous_session(month).day
    paid = previous_session(month.replace(day=15)).day
    return "".join(
        (
            _top(bar, past, fund.yearly),
            _info(
                "Val. patrimonial p/cota", ptbr.number(fund.per_quota), below={"Patrimônio": ptbr.money(fund.equity, 0)}
            ),
            _info(
                "P/VP",
                ptbr.number(bar.close / fund.per_quota),
                below={"Valor de mercado": ptbr.money(bar.close * fund.quotas, 0)},
            ),
            _info(
                "Valor em caixa",
                ptbr.number(fund.cash_pct),
                icon="%",
                below={"Total": ptbr.money(fund.equity * fund.cash_pct / 100)},
            ),
            _info("DY CAGR (3 anos)", ptbr.percent(3.1)),
            _info("Valor CAGR (3 anos)", ptbr.percent(past.change_pct(YEAR) / 3)),
            _info("Nº de Cotistas", ptbr.number(fund.holders, 0), below={"Nº de cotas": ptbr.number(fund.quotas, 0)}),
            _info("Rendimento mensal médio (24M)", ptbr.number(fund.yearly / 12, 4), icon="R$"),
            _info("Participação no IFIX", ptbr.number(fund.equity / 1.6e11 * 100, 3), icon="%"),
            _info("Liquidez média diária", ptbr.number(bar.close * fund.quotas * 0.0009), icon="R$"),
            _info(
                "Último rendimento",
                ptbr.number(fund.income, 4),
                icon="R$",
                below={
                    "Rendimento": ptbr.percent(fund.income / bar.close * 100),
                    "Data Base": ptbr.day(record_day),
                    "Data Pagamento": ptbr.day(paid),
                },
            ),
            _info("Segmento", paper.sector),
            _info("Tipo da gestão", "Ativa"),
            _info("Público-alvo", "Investidores em geral"),
        )
    )


def _top(bar: Bar, past: Past, dividends: float) -> str:
    """What every page begins with."""
    month = past.this_month
    arrow = "arrow_downward" if bar.change < 0 else "arrow_upward"
    change = (
        '<span title="Variação do valor do ativo com base no dia anterior" class="sub-value fs-4">'
        f'<span class="icon"><i class="material-icons fs-3">{arrow}</i></span>'
        f'<b class="v-align-middle">{ptbr.percent(bar.change_pct)}</b></span>'
    )
    return "".join(
        (
            _info("Valor atual", ptbr.number(bar.close), icon="R$", after=change),
            _info("Min. 52 semanas", ptbr.number(past.lowest), icon="R$", below={"Min. mês": ptbr.money(min(month))}),
            _info("Máx. 52 semanas", ptbr.number(past.highest), icon="R$", below={"Máx. mês": ptbr.money(max(month))}),
            _info(
                "Dividend Yield",
                ptbr.number(dividends / bar.close * 100),
                icon="%",
                below={"Últimos 12 meses": ptbr.money(dividends, 4)},
            ),
            _info(
                "Valorização (12m)",
                ptbr.percent(past.change_pct(YEAR)),
                falls=past.change_pct(YEAR) < 0,
                below={"Mês atual": ptbr.percent(past.month_pct)},
            ),
        )
    )


def _info(
    title: str,
    value: str,
    *,
    icon: str = "",
    below: Mapping[str, str] | None = None,
    falls: bool = False,
    after: str = "",
) -> str:
    smaller = "".join(
        f'<div class="" title=""><span class="sub-title">{name}</span>\n'
        f'<span class="sub-value">{escape(text)}</span></div>'
        for name, text in (below or {}).items()
    )
    arrow = '<span class="icon"><i class="material-icons value-down-color">arrow_downward</i></span>' if falls else ""
    unit = f'<span class="icon">{icon}</span>' if icon else ""
    return (
        f'<div class="info w-50 w-md-33"><div><div title="{escape(title)}">{_help()}'
        f'<h3 class="title m-0">{escape(title)}</h3>{arrow}{unit}\n<strong class="value">{escape(value)}</strong></div>'
        f'{after}<div class="d-flex justify-between">{smaller}</div></div></div>\n'
    )


def _item(title: str, value: str) -> str:
    return (
        f'<div class="w-50 w-sm-33 mb-2 mt-2 item "><div title=""><a href="/termos" class="term-indicator-link">'
        f'<h3 class="title m-0 uppercase">{escape(title)}</h3><span class="material-icons">format_quote</span></a>'
        f'<div class="d-flex"><strong class="value d-block lh-4">{value}</strong>'
        '<button type="button" class="btn-chart"><i class="material-icons">show_chart</i></button>'
        f"{_help()}</div></div></div>\n"
    )


def _smaller_title(wordings: Sequence[str], value: str, icon: str = "") -> str:
    """A title in the smaller type; of several wordings each width of screen shows one."""
    title = escape(wordings[0]) if len(wordings) == 1 else "".join(f"<span>{escape(each)}</span>" for each in wordings)
    unit = f'<span class="icon">{icon}</span>' if icon else ""
    return (
        f'<div class="info"><div><div><span class="sub-value">{title}</span>'
        f'<div>{unit}<strong class="value">{escape(value)}</strong></div></div></div></div>\n'
    )


def _linked_title(title: str, value: str) -> str:
    """A title that leads to its explanation."""
    return (
        f'<div class="info"><div title=""><div><div class="title m-0 legend-tooltip"><a href="/termos" '
        f'class="term-indicator-link"><h3 class="title m-0">{escape(title)}</h3></a></div>'
        f'<strong class="value">{escape(value)}</strong></div></div></div>\n'
    )


def _help() -> str:
    return '<i data-position="top" class="material-icons help-icon tooltipped">help_outline</i>'


def _page(paper: Paper, blocks: str, today: date) -> str:
    year_ago = today - timedelta(days=365)
    folder = next(folder for folder, kind in FOLDERS.items() if kind is paper.kind)
    called = escape(paper.called.upper() if paper.kind is Kind.SHARE else paper.name)
    dividends = (
        '<div title="Dividend Yield com base nos últimos 12 meses"><i class="material-icons help-icon" data-tooltip="'
        f"O Dividend Yield foi calculado com a DATA COM entre {ptbr.day(year_ago)} e {ptbr.day(today)}. Amortizações "
        'não são consideradas no cálculo."></i></div>'
    )
    return (
        '<!DOCTYPE html>\n<html lang="pt-br">\n<head><meta charset="utf-8">'
        f'<link rel="canonical" href="https://statusinvest.com.br/{folder}/{paper.ticker.lower()}">'
        f"<title>{paper.ticker} - {called}: cotação e indicadores</title></head>\n<body>\n<!-- SAMPLE DATA -->\n"
        f'<h1 class="lh-4" title="{paper.ticker} - {called}">{paper.ticker} - <small>{called}</small></h1>\n'
        f'<input id="End" type="text" class="tx-datepicker" data-max-date="{today}">\n{dividends}'
        f'<main><div class="top-info">{blocks}</div></main>\n</body>\n</html>'
    )
