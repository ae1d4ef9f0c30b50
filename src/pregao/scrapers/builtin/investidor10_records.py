"""What Investidor10 tells about a paper, by kind, and under which title."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, ClassVar

from pregao.scrapers.labelled_fields import LABEL, OPTIONAL, VALUE, count_at, date_at, number_at, percent_at, text_at

DAY_CHANGE = "Variação do dia"
"""Our own name for the badge beside the price, which has no title."""
UPDATED = "Última atualização"
OF_COMPANIES = ("LPA", "VPA")
"""Titles that no fund's page has: earnings and book value of a company."""


@dataclass(frozen=True, slots=True)
class Investidor10Share:
    """A company's share, or a BDR. Money is BRL, `_pct` is percent; None is a dash or a value that is not there.

    The first fields are the cards at the top; the rest comes from the lists of indicators below them. Those were
    written from what is publicly known of this layout: only the cards were recorded. So a fifth of the labels may be
    missing, and for a BDR, whose company does not report in Brazil, half of them.
    """

    FEWEST_VALUES: ClassVar[int] = 4
    MOST_MISSING: ClassVar[int] = 10
    MOST_MISSING_OF_BDR: ClassVar[int] = 25

    price: Annotated[float, number_at("Cotação", need=VALUE)]
    change_day_pct: Annotated[float | None, percent_at(DAY_CHANGE)]
    change_12m_pct: Annotated[float | None, percent_at("Variação (12M)", need=LABEL)]
    pl: Annotated[float | None, number_at("P/L", need=LABEL)]
    pvp: Annotated[float | None, number_at("P/VP", need=LABEL)]
    dy_pct: Annotated[float | None, percent_at("DY", "Dividend Yield", need=LABEL)]
    updated: Annotated[date | None, date_at(UPDATED)]
    psr: Annotated[float | None, number_at("P/Receita (PSR)", "PSR")]
    payout_pct: Annotated[float | None, percent_at("Payout")]
    ev_ebitda: Annotated[float | None, number_at("EV/EBITDA")]
    ev_ebit: Annotated[float | None, number_at("EV/EBIT")]
    p_ebitda: Annotated[float | None, number_at("P/EBITDA")]
    p_ebit: Annotated[float | None, number_at("P/EBIT")]
    p_ativo: Annotated[float | None, number_at("P/Ativo")]
    p_cap_giro: Annotated[float | None, number_at("P/Cap. Giro")]
    p_ativo_circ_liq: Annotated[float | None, number_at("P/Ativo Circ. Liq.")]
    vpa: Annotated[float | None, number_at("VPA")]
    lpa: Annotated[float | None, number_at("LPA")]
    giro_ativos: Annotated[float | None, number_at("Giro Ativos")]
    marg_bruta_pct: Annotated[float | None, percent_at("Margem Bruta")]
    marg_ebitda_pct: Annotated[float | None, percent_at("Margem EBITDA")]
    marg_ebit_pct: Annotated[float | None, percent_at("Margem EBIT")]
    marg_liquida_pct: Annotated[float | None, percent_at("Margem Líquida")]
    roe_pct: Annotated[float | None, percent_at("ROE")]
    roa_pct: Annotated[float | None, percent_at("ROA")]
    roic_pct: Annotated[float | None, percent_at("ROIC")]
    div_liq_patrim: Annotated[float | None, number_at("Dívida Líquida / Patrimônio")]
    div_liq_ebitda: Annotated[float | None, number_at("Dívida Líquida / EBITDA")]
    div_liq_ebit: Annotated[float | None, number_at("Dívida Líquida / EBIT")]
    div_bruta_patrim: Annotated[float | None, number_at("Dívida Bruta / Patrimônio")]
    patrim_ativos: Annotated[float | None, number_at("Patrimônio / Ativos")]
    passivos_ativos: Annotated[float | None, number_at("Passivos / Ativos")]
    liq_corrente: Annotated[float | None, number_at("Liquidez Corrente")]
    cagr_receitas_5a_pct: Annotated[float | None, percent_at("CAGR Receitas 5 anos")]
    cagr_lucros_5a_pct: Annotated[float | None, percent_at("CAGR Lucros 5 anos")]
    market_cap: Annotated[float | None, number_at("Valor de mercado")]
    enterprise_value: Annotated[float | None, number_at("Valor de firma")]
    patrim_liq: Annotated[float | None, number_at("Patrimônio Líquido")]
    ativos: Annotated[float | None, number_at("Ativos")]
    ativo_circulante: Annotated[float | None, number_at("Ativo Circulante")]
    div_bruta: Annotated[float | None, number_at("Dívida Bruta")]
    div_liquida: Annotated[float | None, number_at("Dívida Líquida")]
    disponibilidade: Annotated[float | None, number_at("Disponibilidade")]
    shares: Annotated[int | None, count_at("Nº total de papéis", "Nº de papéis")]
    avg_daily_liquidity_brl: Annotated[float | None, number_at("Liquidez Média Diária")]
    free_float_pct: Annotated[float | None, percent_at("Free Float")]
    tag_along_pct: Annotated[float | None, percent_at("Tag Along")]
    segmento_listagem: Annotated[str | None, text_at("Segmento de Listagem")]
    setor: Annotated[str | None, text_at("Setor")]
    segmento: Annotated[str | None, text_at("Segmento")]


@dataclass(frozen=True, slots=True)
class Investidor10Fund:
    """A real-estate or agricultural fund. Money is BRL, `_pct` is percent.

    Written from what is publicly known of this layout: no page of it was recorded.
    """

    FEWEST_VALUES: ClassVar[int] = 4
    MOST_MISSING: ClassVar[int] = 4

    price: Annotated[float, number_at("Cotação", need=VALUE)]
    change_day_pct: Annotated[float | None, percent_at(DAY_CHANGE)]
    change_12m_pct: Annotated[float | None, percent_at("Variação (12M)")]
    dy_pct: Annotated[float | None, percent_at("Dividend Yield", "DY", "DY (12M)", need=LABEL)]
    pvp: Annotated[float | None, number_at("P/VP", need=LABEL)]
    daily_liquidity_brl: Annotated[float | None, number_at("Liquidez Diária", need=LABEL)]
    updated: Annotated[date | None, date_at(UPDATED)]
    vp_cota: Annotated[float | None, number_at("Val. patrimonial p/ cota")]
    patrim_liq: Annotated[float | None, number_at("Valor patrimonial")]
    quotas: Annotated[int | None, count_at("Cotas emitidas")]
    quotaholders: Annotated[int | None, count_at("Número de cotistas", "Numero de cotistas")]
    last_income_brl: Annotated[float | None, number_at("Último rendimento")]
    vacancia_pct: Annotated[float | None, percent_at("Vacância", need=OPTIONAL)]
    razao_social: Annotated[str | None, text_at("Razão social")]
    cnpj: Annotated[str | None, text_at("CNPJ")]
    publico_alvo: Annotated[str | None, text_at("Público-alvo")]
    mandato: Annotated[str | None, text_at("Mandato")]
    segmento: Annotated[str | None, text_at("Segmento")]
    tipo_fundo: Annotated[str | None, text_at("Tipo de fundo")]
    tipo_gestao: Annotated[str | None, text_at("Tipo de gestão")]
    prazo: Annotated[str | None, text_at("Prazo de duração")]
    taxa_administracao: Annotated[str | None, text_at("Taxa de administração")]


@dataclass(frozen=True, slots=True)
class Investidor10Etf:
    """An ETF. Money is BRL, `_pct` is percent.

    Written from what is publicly known of this layout: no page of it was recorded.
    """

    FEWEST_VALUES: ClassVar[int] = 2
    MOST_MISSING: ClassVar[int] = 1

    price: Annotated[float, number_at("Cotação", need=VALUE)]
    change_day_pct: Annotated[float | None, percent_at(DAY_CHANGE)]
    change_12m_pct: Annotated[float | None, percent_at("Variação (12M)", need=LABEL)]
    change_60m_pct: Annotated[float | None, percent_at("Variação (60M)")]
    dy_pct: Annotated[float | None, percent_at("DY", "Dividend Yield")]
    patrim_liq: Annotated[float | None, number_at("Capitalização")]
    updated: Annotated[date | None, date_at(UPDATED, need=OPTIONAL)]
