"""What a language model might have said: an answer made from the prompt and the sample market, and its tokens."""

from __future__ import annotations

import re

from pregao.sample_market import ptbr
from pregao.sample_market.history import MONTH, past_of
from pregao.sample_market.market import Market
from pregao.sample_market.papers import Kind, Paper
from pregao.sample_market.ratios import Ratios

_TICKER = re.compile(r"\b([A-Z][A-Z0-9]{3}\d{1,2})\b", re.ASCII)
_LETTERS_IN_A_TOKEN = 4
_CLOSING = "Este texto não é recomendação de investimento."


def reply(market: Market, prompt: str, speaker: str) -> str:
    """An answer in Portuguese about the first paper that the prompt names, else one that repeats the question."""
    named = (market.paper(ticker) for ticker in _TICKER.findall(prompt))
    paper = next((paper for paper in named if paper is not None), None)
    if paper is None:
        return f"SAMPLE DATA: resposta de amostra ({speaker}) a: {' '.join(prompt.split())[:200]}"
    return _analysis(market, paper, speaker)


def tokens(text: str) -> int:
    """About as many as a model would count."""
    return len(text) // _LETTERS_IN_A_TOKEN + 1


def _analysis(market: Market, paper: Paper, speaker: str) -> str:
    bar = market.delayed(paper)
    past = past_of(market.prices, paper, bar.day, bar.close)
    tone = "positivo" if past.vote() > 0.2 else "negativo" if past.vote() < -0.2 else "neutro"
    lines = [
        f"SAMPLE DATA: análise de amostra de {paper.ticker} ({paper.called}), gerada para demonstração ({speaker}).",
        (
            f"1. Situação atual: {ptbr.money(bar.close)} em {ptbr.day(bar.day)}, {ptbr.percent(bar.change_pct)} no dia "
            f"e {ptbr.percent(past.change_pct(MONTH))} em um mês; giro de {ptbr.money(bar.volume / 1e6, 1)} milhões."
        ),
    ]
    if paper.kind is Kind.SHARE:
        ratios = Ratios(bar.close, market.balances.of(paper))
        lines.append(
            f"2. Fundamentos: P/L de {ptbr.number(ratios.earnings)}, P/VP de {ptbr.number(ratios.book)}, dividendos de "
            f"{ptbr.percent(ratios.dividend_pct)}."
        )
    lines += [
        f"3. Técnica: IFR de {ptbr.number(past.strength(), 1)}, viés {tone}.",
        f"4. Conclusão: viés {tone}, confiança baixa, pois nenhum destes dados é real.",
        _CLOSING,
    ]
    return "\n".join(lines)
