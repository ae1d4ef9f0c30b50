"""What the news call the companies behind the tickers: no headline says PETR4."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TICKER = re.compile(r"([A-Z][A-Z0-9]{3})\d{1,2}", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Company:
    """How a company is called. `ordinary` names are words of everyday Portuguese, or of places, as well."""

    names: tuple[str, ...] = ()
    ordinary: tuple[str, ...] = ()


def as_ticker(text: str) -> str | None:
    """The ticker of a share, unit, fund or BDR in capitals, None for any other text.

    >>> as_ticker(" petr4 "), as_ticker("B3SA3"), as_ticker("Petrobras"), as_ticker("Copom reduz Selic")
    ('PETR4', 'B3SA3', None, None)
    """
    text = text.strip()
    return text.upper() if _TICKER.fullmatch(text) else None


def company_of(ticker: str) -> Company:
    """The company behind a ticker in capitals; without any name where we know none."""
    return _COMPANIES.get(ticker[:4], Company())


def _named(*names: str, ordinary: tuple[str, ...] = ()) -> Company:
    return Company(names, ordinary)


# By the first four letters of the ticker: the companies of the shipped schedules and of Ibovespa's larger weights.
_COMPANIES = {
    "ABEV": _named("Ambev"),
    "ALOS": _named("Allos"),
    "ASAI": _named("Assaí"),
    "AXIA": _named("Axia Energia", "Eletrobras"),
    "AZUL": _named("Azul Linhas Aéreas", ordinary=("Azul",)),
    "B3SA": _named("B3"),
    "BBAS": _named("Banco do Brasil"),
    "BBDC": _named("Bradesco"),
    "BBSE": _named("BB Seguridade"),
    "BEEF": _named("Minerva Foods", ordinary=("Minerva",)),
    "BPAC": _named("BTG Pactual", "BTG"),
    "BRAP": _named("Bradespar"),
    "BRAV": _named("Brava Energia", ordinary=("Brava",)),
    "BRFS": _named("BRF"),
    "BRKM": _named("Braskem"),
    "CEAB": _named("C&A"),
    "CMIG": _named("Cemig"),
    "CMIN": _named("CSN Mineração"),
    "COGN": _named("Cogna"),
    "CPFE": _named("CPFL"),
    "CPLE": _named("Copel"),
    "CSAN": _named("Cosan"),
    "CSMG": _named("Copasa"),
    "CSNA": _named("CSN", "Companhia Siderúrgica Nacional"),
    "CURY": _named("Cury Construtora", ordinary=("Cury",)),
    "CVCB": _named("CVC"),
    "CXSE": _named("Caixa Seguridade"),
    "CYRE": _named("Cyrela"),
    "DIRR": _named("Direcional Engenharia", ordinary=("Direcional",)),
    "EGIE": _named("Engie"),
    "ELET": _named("Eletrobras", "Axia Energia"),
    "EMBJ": _named("Embraer"),
    "EMBR": _named("Embraer"),
    "ENEV": _named("Eneva"),
    "ENGI": _named("Energisa"),
    "EQTL": _named("Equatorial Energia", ordinary=("Equatorial",)),
    "FLRY": _named("Fleury"),
    "GGBR": _named("Gerdau"),
    "GOAU": _named("Metalúrgica Gerdau", "Gerdau"),
    "HAPV": _named("Hapvida"),
    "HYPE": _named("Hypera"),
    "IGTI": _named("Iguatemi"),
    "IRBR": _named("IRB"),
    "ITSA": _named("Itaúsa"),
    "ITUB": _named("Itaú Unibanco", "Itaú"),
    "JBSS": _named("JBS"),
    "KLBN": _named("Klabin"),
    "LREN": _named("Lojas Renner", "Renner"),
    "MBRF": _named("MBRF", "Marfrig", "BRF"),
    "MGLU": _named("Magazine Luiza", "Magalu"),
    "MOTV": _named("CCR", ordinary=("Motiva",)),
    "MRFG": _named("Marfrig", "MBRF"),
    "MRVE": _named("MRV"),
    "MULT": _named("Multiplan"),
    "NATU": _named("Natura Cosméticos", ordinary=("Natura",)),
    "NTCO": _named("Natura &Co", ordinary=("Natura",)),
    "PCAR": _named("Grupo Pão de Açúcar", "GPA"),
    "PETR": _named("Petrobras"),
    "POMO": _named("Marcopolo"),
    "PRIO": _named("Prio", "PetroRio"),
    "PSSA": _named("Porto Seguro"),
    "RADL": _named("RD Saúde", "Raia Drogasil"),
    "RAIL": _named("Rumo Logística", ordinary=("Rumo",)),
    "RAIZ": _named("Raízen"),
    "RDOR": _named("Rede D'Or", "Rede D’Or"),
    "RENT": _named("Localiza&Co", "Localiza Hertz", ordinary=("Localiza",)),
    "SANB": _named("Santander Brasil", "Santander"),
    "SBSP": _named("Sabesp"),
    "SLCE": _named("SLC Agrícola"),
    "SMFT": _named("Smart Fit", "Smartfit"),
    "SMTO": _named("São Martinho"),
    "SUZB": _named("Suzano"),
    "TAEE": _named("Taesa"),
    "TIMS": _named("TIM Brasil", ordinary=("TIM",)),
    "TOTS": _named("Totvs"),
    "UGPA": _named("Ultrapar"),
    "USIM": _named("Usiminas"),
    "VALE": _named("Vale S.A.", "mineradora Vale", ordinary=("Vale",)),
    "VAMO": _named("Grupo Vamos"),
    "VBBR": _named("Vibra Energia", ordinary=("Vibra",)),
    "VIVA": _named("Vivara"),
    "VIVT": _named("Telefônica Brasil", ordinary=("Vivo",)),
    "WEGE": _named("WEG"),
    "YDUQ": _named("Yduqs"),
}
