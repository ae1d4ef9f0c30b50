"""What Status Invest tells about a paper, by kind, and under which title."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, ClassVar

from pregao.scrapers.labelled_fields import LABEL, OPTIONAL, VALUE, count_at, date_at, number_at, percent_at, text_at

DAY_CHANGE = "Variação do dia"
"""Our own name for the change beside the price, which the page gives no title."""
NAME = "Nome do papel"
"""Our own name for what stands beside the ticker in the heading."""
OF_COMPANIES = ("LPA", "VPA")
"""Titles that no fund's page has: earnings and book value of a company."""


@dataclass(frozen=True, slots=True)
class StatusInvestShare:
    """A company's share. Money is BRL, `_pct` is percent; None is a dash or a value that the page does not have.

    A page shows every title, with a dash where there is nothing: of 58, the whole recording lacks none.
    """

    FEWEST_VALUES: ClassVar[int] = 15
    MOST_MISSING: ClassVar[int] = 5

    company: Annotated[str | None, text_at(NAME)]
    tipo: Annotated[str | None, text_at("Tipo")]
    price: Annotated[float, number_at("Valor atual", need=VALUE)]
    change_day_pct: Annotated[float | None, percent_at(DAY_CHANGE)]
    min_52w: Annotated[float | None, number_at("Min. 52 semanas", need=LABEL)]
    max_52w: Annotated[float | None, number_at("Máx. 52 semanas", need=LABEL)]
    min_month: Annotated[float | None, number_at("Min. mês")]
    max_month: Annotated[float | None, number_at("Máx. mês")]
    change_12m_pct: Annotated[float | None, percent_at("Valorização (12m)", need=LABEL)]
    change_month_pct: Annotated[float | None, percent_at("Mês atual")]
    dy_pct: Annotated[float | None, percent_at("Dividend Yield", "D.Y", need=LABEL)]
    dividends_12m_brl: Annotated[float | None, number_at("Últimos 12 meses")]
    tag_along_pct: Annotated[float | None, percent_at("Tag Along")]
    avg_daily_liquidity_brl: Annotated[float | None, number_at("Liq. méd. diária", "Liquidez média diária")]
    part_ibov_pct: Annotated[float | None, percent_at("Participação no IBOV", "Part. IBOV", need=OPTIONAL)]
    pl: Annotated[float | None, number_at("P/L", need=LABEL)]
    peg_ratio: Annotated[float | None, number_at("PEG Ratio")]
    pvp: Annotated[float | None, number_at("P/VP", need=LABEL)]
    ev_ebitda: Annotated[float | None, number_at("EV/EBITDA")]
    ev_ebit: Annotated[float | None, number_at("EV/EBIT")]
    p_ebitda: Annotated[float | None, number_at("P/EBITDA")]
    p_ebit: Annotated[float | None, number_at("P/EBIT")]
    vpa: Annotated[float | None, number_at("VPA", need=LABEL)]
    p_ativo: Annotated[float | None, number_at("P/Ativo")]
    lpa: Annotated[float | None, number_at("LPA", need=LABEL)]
    psr: Annotated[float | None, number_at("P/SR")]
    p_cap_giro: Annotated[float | None, number_at("P/Cap. Giro")]
    p_ativo_circ_liq: Annotated[float | None, number_at("P/Ativo Circ. Liq.")]
    div_liq_pl: Annotated[float | None, number_at("Dív. líquida/PL")]
    div_liq_ebitda: Annotated[float | None, number_at("Dív. líquida/EBITDA")]
    div_liq_ebit: Annotated[float | None, number_at("Dív. líquida/EBIT")]
    pl_ativos: Annotated[float | None, number_at("PL/Ativos")]
    passivos_ativos: Annotated[float | None, number_at("Passivos/Ativos")]
    liq_corrente: Annotated[float | None, number_at("Liq. corrente")]
    marg_bruta_pct: Annotated[float | None, percent_at("M. Bruta")]
    marg_ebitda_pct: Annotated[float | None, percent_at("M. EBITDA")]
    marg_ebit_pct: Annotated[float | None, percent_at("M. EBIT")]
    marg_liquida_pct: Annotated[float | None, percent_at("M. Líquida")]
    roe_pct: Annotated[float | None, percent_at("ROE", need=LABEL)]
    roa_pct: Annotated[float | None, percent_at("ROA")]
    roic_pct: Annotated[float | None, percent_at("ROIC")]
    giro_ativos: Annotated[float | None, number_at("Giro ativos")]
    cagr_receitas_5a_pct: Annotated[float | None, percent_at("CAGR Receitas 5 anos")]
    cagr_lucros_5a_pct: Annotated[float | None, percent_at("CAGR Lucros 5 anos")]
    market_cap: Annotated[float | None, number_at("Valor de mercado")]
    enterprise_value: Annotated[float | None, number_at("Valor de firma")]
    patrim_liq: Annotated[float | None, number_at("Patrimônio líquido")]
    ativos: Annotated[float | None, number_at("Ativos")]
    ativo_circulante: Annotated[float | None, number_at("Ativo circulante")]
    div_bruta: Annotated[float | None, number_at("Dívida bruta")]
    disponibilidade: Annotated[float | None, number_at("Disponibilidade")]
    div_liquida: Annotated[float | None, number_at("Dívida líquida")]
    shares: Annotated[int | None, count_at("Nº total de papéis")]
    segmento_listagem: Annotated[str | None, text_at("Segmento de listagem")]
    free_float_pct: Annotated[float | None, percent_at("Free Float")]
    setor: Annotated[str | None, text_at("Setor de Atuação")]
    subsetor: Annotated[str | None, text_at("Subsetor de Atuação")]
    segmento: Annotated[str | None, text_at("Segmento de Atuação")]


@dataclass(frozen=True, slots=True)
class StatusInvestFund:
    """A real-estate or agricultural fund. Money is BRL, `_pct` is percent; the last income has its own dates.

    Written from what is publicly known of this layout: no page of it was recorded.
    """

    FEWEST_VALUES: ClassVar[int] = 8
    MOST_MISSING: ClassVar[int] = 6

    company: Annotated[str | None, text_at(NAME)]
    price: Annotated[float, number_at("Valor atual", need=VALUE)]
    change_day_pct: Annotated[float | None, percent_at(DAY_CHANGE)]
    min_52w: Annotated[float | None, number_at("Min. 52 semanas")]
    max_52w: Annotated[float | None, number_at("Máx. 52 semanas")]
    min_month: Annotated[float | None, number_at("Min. mês")]
    max_month: Annotated[float | None, number_at("Máx. mês")]
    change_12m_pct: Annotated[float | None, percent_at("Valorização (12m)")]
    change_month_pct: Annotated[float | None, percent_at("Mês atual")]
    dy_pct: Annotated[float | None, percent_at("Dividend Yield", need=LABEL)]
    dividends_12m_brl: Annotated[float | None, number_at("Últimos 12 meses")]
    vp_cota: Annotated[
        float | None,
        number_at("Val. patrimonial p/cota", "Valor patrim. p/cota", "Val. patrim. p/cota", need=LABEL),
    ]
    pvp: Annotated[float | None, number_at("P/VP", need=LABEL)]
    patrim_liq: Annotated[float | None, number_at("Patrimônio", "Patrimônio líquido")]
    market_cap: Annotated[float | None, number_at("Valor de mercado", "Valor mercado")]
    caixa_pct: Annotated[float | None, percent_at("Valor em caixa")]
    caixa: Annotated[float | None, number_at("Total")]
    dy_cagr_3a_pct: Annotated[float | None, percent_at("DY CAGR (3 anos)")]
    valor_cagr_3a_pct: Annotated[float | None, percent_at("Valor CAGR (3 anos)")]
    quotaholders: Annotated[int | None, count_at("Nº de Cotistas")]
    quotas: Annotated[int | None, count_at("Nº de cotas")]
    avg_income_24m_brl: Annotated[float | None, number_at("Rendimento mensal médio (24M)", "Rendim. médio (24M)")]
    part_ifix_pct: Annotated[float | None, percent_at("Participação no IFIX", "Part. IFIX", need=OPTIONAL)]
    avg_daily_liquidity_brl: Annotated[float | None, number_at("Liquidez média diária", "Liq. méd. diária")]
    last_income_brl: Annotated[float | None, number_at("Último rendimento")]
    last_income_pct: Annotated[float | None, percent_at("Rendimento")]
    last_income_record_date: Annotated[date | None, date_at("Data Base")]
    last_income_payment_date: Annotated[date | None, date_at("Data Pagamento")]
    segmento: Annotated[str | None, text_at("Segmento", "Segmento ANBIMA")]
    tipo_gestao: Annotated[str | None, text_at("Tipo da gestão", "Tipo de gestão")]
    publico_alvo: Annotated[str | None, text_at("Público-alvo")]


@dataclass(frozen=True, slots=True)
class StatusInvestQuote:
    """An ETF or a BDR: the figures that every page has. Money is BRL, `_pct` is percent.

    Written from what is publicly known of this layout: no page of it was recorded.
    """

    FEWEST_VALUES: ClassVar[int] = 4
    MOST_MISSING: ClassVar[int] = 2

    company: Annotated[str | None, text_at(NAME)]
    price: Annotated[float, number_at("Valor atual", need=VALUE)]
    change_day_pct: Annotated[float | None, percent_at(DAY_CHANGE)]
    min_52w: Annotated[float | None, number_at("Min. 52 semanas", need=LABEL)]
    max_52w: Annotated[float | None, number_at("Máx. 52 semanas", need=LABEL)]
    min_month: Annotated[float | None, number_at("Min. mês")]
    max_month: Annotated[float | None, number_at("Máx. mês")]
    change_12m_pct: Annotated[float | None, percent_at("Valorização (12m)")]
    change_month_pct: Annotated[float | None, percent_at("Mês atual")]
    dy_pct: Annotated[float | None, percent_at("Dividend Yield")]
    dividends_12m_brl: Annotated[float | None, number_at("Últimos 12 meses")]
    pl: Annotated[float | None, number_at("P/L", need=OPTIONAL)]
    pvp: Annotated[float | None, number_at("P/VP", need=OPTIONAL)]
    market_cap: Annotated[float | None, number_at("Valor de mercado", need=OPTIONAL)]
