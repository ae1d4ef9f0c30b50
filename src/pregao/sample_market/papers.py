"""The papers of the sample market: real tickers and names, around prices that were once plausible."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pregao.sample_market.isin import isin_of


class Kind(StrEnum):
    """What a paper is."""

    SHARE = "share"
    FUND = "fund"
    AGRO_FUND = "agro_fund"
    ETF = "etf"
    BDR = "bdr"


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper. `price` is the BRL that it moves around, `units` how many shares or quotas there are in all.

    `short` and `spec` are NOMRES and ESPECI of B3's files, `called` is what the news say.
    """

    ticker: str
    short: str
    spec: str
    called: str
    name: str
    sector: str
    price: float
    units: int
    kind: Kind = Kind.SHARE

    @property
    def root(self) -> str:
        """The four letters of the issuer."""
        return self.ticker[:4]

    @property
    def level(self) -> str:
        """The segment of B3 whose rules the issuer keeps to."""
        return {"NM": "Novo Mercado", "N1": "Nível 1", "N2": "Nível 2"}.get(self.spec[-2:], "Tradicional")

    @property
    def isin(self) -> str:
        """The code under which options name the paper that they are on."""
        return isin_of(f"BR{self.root}{self._isin_class}")

    @property
    def _isin_class(self) -> str:
        match self.kind:
            case Kind.FUND | Kind.AGRO_FUND | Kind.ETF:
                return "CTF00"
            case Kind.BDR:
                return "BDR00"
            case Kind.SHARE if self.ticker.endswith("11"):
                return "CDAM1"
            case Kind.SHARE:
                return {"3": "ACNOR", "5": "ACNPA", "6": "ACNPB"}.get(self.ticker[4:], "ACNPR")


OIL, MINING, STEEL = "Petróleo, Gás e Biocombustíveis", "Mineração", "Siderurgia e Metalurgia"
BANKS, FINANCE, INSURANCE = "Intermediários Financeiros", "Serviços Financeiros Diversos", "Previdência e Seguros"
POWER, WATER, RETAIL, FOOD = "Energia Elétrica", "Água e Saneamento", "Comércio", "Alimentos e Bebidas"
HEALTH, BUILDING, TRANSPORT = "Serviços Médicos", "Construção Civil", "Transporte"
MACHINES, PAPER = "Máquinas e Equipamentos", "Papel e Celulose"
TELECOM, SOFTWARE, SCHOOLS, MALLS = "Telecomunicações", "Programas e Serviços", "Educação", "Exploração de Imóveis"
LEISURE = "Viagens e Lazer"
BANKING = frozenset({BANKS})
"""Sectors whose companies have deposits and credit where others have revenue and debt."""
SECTORS_IN_ENGLISH = {
    **dict.fromkeys((BANKS, FINANCE, INSURANCE, MALLS), "Finance"),
    **dict.fromkeys((POWER, WATER), "Utilities"),
    **dict.fromkeys((MINING, STEEL), "Non-Energy Minerals"),
    OIL: "Energy Minerals",
    RETAIL: "Retail Trade",
    FOOD: "Consumer Non-Durables",
    HEALTH: "Health Services",
    TRANSPORT: "Transportation",
    MACHINES: "Producer Manufacturing",
    PAPER: "Process Industries",
    TELECOM: "Communications",
    SOFTWARE: "Technology Services",
    **dict.fromkeys((SCHOOLS, LEISURE), "Consumer Services"),
    BUILDING: "Consumer Durables",
}

_M = 1_000_000


def _share(ticker: str, short: str, spec: str, called: str, name: str, sector: str, price: float, units: int) -> Paper:
    return Paper(ticker, short, spec, called, name, sector, price, units * _M)


def _other(kind: Kind, ticker: str, short: str, called: str, name: str, sector: str, price: float, units: int) -> Paper:
    spec = {Kind.BDR: "DRN", Kind.ETF: "CI"}.get(kind, "CI  ER")
    return Paper(ticker, short, spec, called, name, sector, price, units * _M, kind)


_ALL = (
    _share("ABEV3", "AMBEV S/A", "ON", "Ambev", "AMBEV S.A.", FOOD, 14.8, 15_761),
    _share("ALOS3", "ALLOS", "ON      NM", "Allos", "ALLOS S.A.", MALLS, 27.9, 542),
    _share("ASAI3", "ASSAI", "ON      NM", "Assaí", "SENDAS DISTRIBUIDORA S.A.", RETAIL, 9.6, 1_352),
    _share("AXIA3", "AXIA ENERGIA", "ON      N1", "Axia Energia", "AXIA ENERGIA S.A.", POWER, 58.2, 2_251),
    _share("B3SA3", "B3", "ON      NM", "B3", "B3 S.A. - BRASIL, BOLSA, BALCÃO", FINANCE, 14.6, 5_230),
    _share("BBAS3", "BRASIL", "ON      NM", "Banco do Brasil", "BCO BRASIL S.A.", BANKS, 24.1, 5_730),
    _share("BBDC3", "BRADESCO", "ON      N1", "Bradesco", "BCO BRADESCO S.A.", BANKS, 16.9, 10_580),
    _share("BBDC4", "BRADESCO", "PN      N1", "Bradesco", "BCO BRADESCO S.A.", BANKS, 19.6, 10_580),
    _share(
        "BBSE3",
        "BBSEGURIDADE",
        "ON      NM",
        "BB Seguridade",
        "BB SEGURIDADE PARTICIPAÇÕES S.A.",
        INSURANCE,
        35.3,
        1_941,
    ),
    _share("BPAC11", "BTGP BANCO", "UNT     N2", "BTG Pactual", "BCO BTG PACTUAL S.A.", BANKS, 55.4, 3_837),
    _share("CMIG4", "CEMIG", "PN      N1", "Cemig", "CIA ENERGÉTICA DE MINAS GERAIS", POWER, 11.7, 2_861),
    _share("CMIN3", "CSNMINERACAO", "ON      N2", "CSN Mineração", "CSN MINERAÇÃO S.A.", MINING, 5.9, 5_431),
    _share("COGN3", "COGNA ON", "ON      NM", "Cogna", "COGNA EDUCAÇÃO S.A.", SCHOOLS, 4.1, 1_859),
    _share("CPFE3", "CPFL ENERGIA", "ON      NM", "CPFL", "CPFL ENERGIA S.A.", POWER, 47.3, 1_152),
    _share("CPLE3", "COPEL", "ON      NM", "Copel", "CIA PARANAENSE DE ENERGIA", POWER, 14.2, 2_970),
    _share("CSMG3", "COPASA", "ON      NM", "Copasa", "CIA SANEAMENTO DE MINAS GERAIS", WATER, 39.8, 379),
    _share("CSNA3", "SID NACIONAL", "ON", "CSN", "CIA SIDERÚRGICA NACIONAL", STEEL, 9.2, 1_326),
    _share("CURY3", "CURY S/A", "ON      NM", "Cury Construtora", "CURY CONSTRUTORA S.A.", BUILDING, 34.6, 292),
    _share("CXSE3", "CAIXA SEGURI", "ON      NM", "Caixa Seguridade", "CAIXA SEGURIDADE S.A.", INSURANCE, 16.3, 3_000),
    _share("CYRE3", "CYRELA REALT", "ON      NM", "Cyrela", "CYRELA BRAZIL REALTY S.A.", BUILDING, 32.1, 400),
    _share(
        "DIRR3", "DIRECIONAL", "ON      NM", "Direcional Engenharia", "DIRECIONAL ENGENHARIA S.A.", BUILDING, 17.0, 520
    ),
    _share("EGIE3", "ENGIE BRASIL", "ON      NM", "Engie", "ENGIE BRASIL ENERGIA S.A.", POWER, 34.9, 1_142),
    _share("EMBJ3", "EMBRAER", "ON      NM", "Embraer", "EMBRAER S.A.", TRANSPORT, 88.4, 741),
    _share("ENEV3", "ENEVA", "ON      NM", "Eneva", "ENEVA S.A.", POWER, 19.3, 1_931),
    _share("ENGI11", "ENERGISA", "UNT     N2", "Energisa", "ENERGISA S.A.", POWER, 52.6, 457),
    _share("EQTL3", "EQUATORIAL", "ON      NM", "Equatorial Energia", "EQUATORIAL S.A.", POWER, 38.7, 1_256),
    _share("FLRY3", "FLEURY", "ON      NM", "Fleury", "FLEURY S.A.", HEALTH, 15.2, 547),
    _share("GGBR4", "GERDAU", "PN      N1", "Gerdau", "GERDAU S.A.", STEEL, 18.8, 1_995),
    _share("GOAU4", "GERDAU MET", "PN      N1", "Metalúrgica Gerdau", "METALÚRGICA GERDAU S.A.", STEEL, 10.4, 990),
    _share("HAPV3", "HAPVIDA", "ON      NM", "Hapvida", "HAPVIDA S.A.", HEALTH, 17.4, 503),
    _share("HYPE3", "HYPERA", "ON      NM", "Hypera", "HYPERA S.A.", HEALTH, 24.7, 633),
    _share("ITSA4", "ITAUSA", "PN      N1", "Itaúsa", "ITAÚSA S.A.", BANKS, 12.6, 10_854),
    _share("ITUB4", "ITAUUNIBANCO", "PN      N1", "Itaú Unibanco", "ITAÚ UNIBANCO HOLDING S.A.", BANKS, 42.7, 11_027),
    _share("KLBN11", "KLABIN S/A", "UNT     N2", "Klabin", "KLABIN S.A.", PAPER, 18.9, 1_236),
    _share("LREN3", "LOJAS RENNER", "ON      NM", "Lojas Renner", "LOJAS RENNER S.A.", RETAIL, 15.7, 1_058),
    _share("MGLU3", "MAGAZ LUIZA", "ON      NM", "Magazine Luiza", "MAGAZINE LUIZA S.A.", RETAIL, 9.4, 739),
    _share("MULT3", "MULTIPLAN", "ON      N2", "Multiplan", "MULTIPLAN S.A.", MALLS, 29.8, 513),
    _share("PETR3", "PETROBRAS", "ON      N2", "Petrobras", "PETRÓLEO BRASILEIRO S.A. PETROBRAS", OIL, 51.4, 12_889),
    _share("PETR4", "PETROBRAS", "PN      N2", "Petrobras", "PETRÓLEO BRASILEIRO S.A. PETROBRAS", OIL, 46.3, 12_889),
    _share("PRIO3", "PETRORIO", "ON      NM", "Prio", "PRIO S.A.", OIL, 42.9, 839),
    _share("PSSA3", "PORTO SEGURO", "ON      NM", "Porto Seguro", "PORTO SEGURO S.A.", INSURANCE, 49.7, 643),
    _share("RADL3", "RAIADROGASIL", "ON      NM", "Raia Drogasil", "RAIA DROGASIL S.A.", HEALTH, 20.3, 1_718),
    _share("RAIL3", "RUMO S.A.", "ON      NM", "Rumo Logística", "RUMO S.A.", TRANSPORT, 16.4, 1_854),
    _share("RDOR3", "REDE D OR", "ON      NM", "Rede D'Or", "REDE D'OR SÃO LUIZ S.A.", HEALTH, 44.1, 2_210),
    _share("RENT3", "LOCALIZA", "ON      NM", "Localiza&Co", "LOCALIZA RENT A CAR S.A.", TRANSPORT, 45.2, 1_056),
    _share("SANB11", "SANTANDER BR", "UNT", "Santander Brasil", "BCO SANTANDER BRASIL S.A.", BANKS, 33.8, 3_730),
    _share("SBSP3", "SABESP", "ON      NM", "Sabesp", "CIA SANEAMENTO BÁSICO SÃO PAULO", WATER, 137.5, 684),
    _share("SMFT3", "SMART FIT", "ON      NM", "Smart Fit", "SMARTFIT ESCOLA DE GINÁSTICA S.A.", LEISURE, 26.4, 598),
    _share("SUZB3", "SUZANO S.A.", "ON      NM", "Suzano", "SUZANO S.A.", PAPER, 51.6, 1_264),
    _share("TAEE11", "TAESA", "UNT     N2", "Taesa", "TRANSMISSORA ALIANÇA S.A.", POWER, 41.2, 344),
    _share("TIMS3", "TIM", "ON      NM", "TIM Brasil", "TIM S.A.", TELECOM, 23.7, 2_421),
    _share("TOTS3", "TOTVS", "ON      NM", "Totvs", "TOTVS S.A.", SOFTWARE, 43.3, 599),
    _share("UGPA3", "ULTRAPAR", "ON      NM", "Ultrapar", "ULTRAPAR PARTICIPAÇÕES S.A.", OIL, 22.5, 1_115),
    _share("USIM5", "USIMINAS", "PNA     N1", "Usiminas", "USINAS SIDERÚRGICAS DE MINAS GERAIS", STEEL, 6.2, 1_253),
    _share("VALE3", "VALE", "ON      NM", "Vale", "VALE S.A.", MINING, 83.0, 4_539),
    _share("VBBR3", "VIBRA", "ON      NM", "Vibra Energia", "VIBRA ENERGIA S.A.", OIL, 25.6, 1_116),
    _share("VIVT3", "TELEF BRASIL", "ON", "Telefônica Brasil", "TELEFÔNICA BRASIL S.A.", TELECOM, 34.4, 3_227),
    _share("WEGE3", "WEG", "ON      NM", "WEG", "WEG S.A.", MACHINES, 46.5, 4_197),
    _share("YDUQ3", "YDUQS PART", "ON      NM", "Yduqs", "YDUQS PARTICIPAÇÕES S.A.", SCHOOLS, 13.1, 289),
    _other(Kind.FUND, "HGLG11", "FII HGLG", "HGLG11", "PÁTRIA LOG FII", "Logística", 158.5, 34),
    _other(Kind.FUND, "KNRI11", "FII KINEA", "KNRI11", "KINEA RENDA IMOBILIÁRIA FII", "Híbrido", 152.0, 28),
    _other(Kind.FUND, "MXRF11", "FII MAXI REN", "MXRF11", "MAXI RENDA FII", "Papel", 9.7, 437),
    _other(Kind.FUND, "XPML11", "FII XP MALLS", "XPML11", "XP MALLS FII", "Shoppings", 107.2, 57),
    _other(Kind.AGRO_FUND, "SNAG11", "FIAGROSUNO", "SNAG11", "SUNO AGRO FIAGRO", "Agronegócio", 10.1, 61),
    _other(Kind.ETF, "BOVA11", "ISHARES BOVA", "BOVA11", "ISHARES IBOVESPA", "Ibovespa", 158.4, 82),
    _other(Kind.ETF, "SMAL11", "ISHARES SMAL", "SMAL11", "ISHARES SMALL CAP", "Small Caps", 112.3, 21),
    _other(Kind.BDR, "AAPL34", "APPLE", "Apple", "APPLE INC.", "Technology", 74.9, 310),
    _other(Kind.BDR, "MSFT34", "MICROSOFT", "Microsoft", "MICROSOFT CORPORATION", "Technology", 112.6, 190),
)

PAPERS = {paper.ticker: paper for paper in _ALL}
WITH_OPTIONS = ("PETR4", "PETR3", "VALE3", "ITUB4", "BBAS3", "BBDC4", "ABEV3", "B3SA3", "WEGE3", "BOVA11")


def papers_of(root: str) -> list[Paper]:
    """The papers of one issuer."""
    return [paper for paper in _ALL if paper.root == root]
