"""News that never happened: what would be written about companies and markets, marked as a sample in every title."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from random import Random

from pregao.domain.calendar import market_day
from pregao.sample_market import ptbr
from pregao.sample_market.draws import Draws
from pregao.sample_market.papers import PAPERS, WITH_OPTIONS, Kind, Paper
from pregao.sample_market.prices import Prices
from pregao.sample_market.rates import Rates

MARK = "[SAMPLE]"
SECTIONS = ("financas", "brasil", "empresas")
PUBLISHERS = (
    ("InfoMoney", "https://www.infomoney.com.br"),
    ("Valor Econômico", "https://valor.globo.com"),
    ("Money Times", "https://www.moneytimes.com.br"),
    ("Folha de S.Paulo", "https://www.folha.uol.com.br"),
    ("Exame", "https://exame.com"),
    ("Estadão", "https://www.estadao.com.br"),
)
AUTHORS = ("Ana Amostra", "Bruno Exemplo", "Carla Modelo", "Diego Ensaio")


class Moved(Enum):
    """Whose price decides whether a headline speaks of a rise or a fall."""

    PAPER = "the paper's"
    INDEX = "that of all shares"
    DOLLAR = "the dollar's"
    CHANCE = "nobody's that the sample market knows"


_Template = tuple[str, Moved]

_OF_COMPANIES: tuple[_Template, ...] = (
    ("{name} anuncia dividendos de R$ {dividend} por ação", Moved.CHANCE),
    ("{name} tem lucro {better} no trimestre, diz relatório", Moved.CHANCE),
    ("{name} tem preço-alvo {raised} por analistas", Moved.CHANCE),
    ("{name} ({ticker}) {moves} na B3 com {reason}", Moved.PAPER),
    ("{name} aprova recompra de até {shares} milhões de ações", Moved.CHANCE),
    ("{name}: conselho discute plano de investimentos", Moved.CHANCE),
    ("{name} emite R$ {number} milhões em debêntures", Moved.CHANCE),
    ("{name}: o que esperar do balanço", Moved.CHANCE),
    ("{name} troca diretor financeiro", Moved.CHANCE),
)
_OF_MARKETS: tuple[_Template, ...] = (
    ("Ibovespa {moves} com {reason}", Moved.INDEX),
    ("Dólar {moves} e fecha a R$ {rate}", Moved.DOLLAR),
    ("Juros futuros {move} com {reason}", Moved.CHANCE),
    ("Copom: o que o mercado espera da Selic", Moved.CHANCE),
    ("Inflação {better} em prévia do mês", Moved.CHANCE),
    ("Bolsas de Nova York {move} com {reason}", Moved.CHANCE),
    ("Petróleo {moves} {percent}% com {reason}", Moved.CHANCE),
    ("Minério de ferro {moves} na China com {reason}", Moved.CHANCE),
    ("Fluxo estrangeiro na bolsa soma R$ {number} milhões", Moved.CHANCE),
)
_OF_MARKETS_IN_ENGLISH: tuple[_Template, ...] = (
    ("Stocks {moves_en} as Traders Weigh {reason_en}", Moved.CHANCE),
    ("Oil {moves_en} on {reason_en}", Moved.CHANCE),
    ("Brazilian Assets {moves_en} With {reason_en}", Moved.INDEX),
)
_OF_COMPANIES_IN_ENGLISH: tuple[_Template, ...] = (
    *_OF_MARKETS_IN_ENGLISH,
    ("{name} {moves_en} After Results", Moved.PAPER),
)
_INDEX = PAPERS["BOVA11"]
_REASONS = {
    True: ("alívio nos juros", "dados da China", "apetite por risco", "balanços"),
    False: ("cautela no exterior", "ruído fiscal", "giro baixo", "balanços"),
}
_REASONS_EN = ("Rate Path", "China Data", "Fiscal Noise", "Earnings", "Dollar Strength")
_SENTENCES = (
    "Este texto foi gerado para o mercado de amostra e não relata fato algum.",
    "Segundo a companhia, a decisão depende de aprovação em assembleia.",
    "Analistas ouvidos veem espaço para revisão das estimativas.",
    "O papel acumula oscilação acima da média do setor no mês.",
    "A administração reafirmou as projeções para o ano.",
)


@dataclass(frozen=True, slots=True)
class Headline:
    """One piece of news. `at` is aware UTC; `words` are the text, `lead` its first sentence."""

    number: str
    title: str
    lead: str
    words: str
    at: datetime
    publisher: str
    publisher_url: str
    author: str
    section: str
    paywalled: bool


class Headlines:
    """Whatever was published up to a moment."""

    def __init__(self, draws: Draws, prices: Prices, rates: Rates) -> None:
        self._draws = draws
        self._prices = prices
        self._rates = rates
        companies = [paper for paper in PAPERS.values() if paper.kind is Kind.SHARE]
        # The press writes about a few of them most of the time.
        self._companies = companies + [paper for paper in companies if paper.ticker in WITH_OPTIONS] * 8

    def stream(self, of: str, now: datetime, count: int, every: timedelta) -> list[Headline]:
        """The newest `count` of a feed called `of` that brings one every so often: companies and markets mixed."""
        return [self._drawn(of, slot, every, None) for slot in self._slots(of, now, count, every)]

    def about(self, paper: Paper, now: datetime, count: int, every: timedelta) -> list[Headline]:
        """The newest `count` about one company."""
        of = f"about/{paper.root}"
        return [self._drawn(of, slot, every, paper) for slot in self._slots(of, now, count, every)]

    def on(self, phrase: str, now: datetime, count: int, every: timedelta) -> list[Headline]:
        """The newest `count` that have a phrase in their title."""
        subject = Paper("", "", "", phrase, phrase, "", 30.0, 1_000_000_000)
        of = f"on/{phrase}"
        return [self._drawn(of, slot, every, subject) for slot in self._slots(of, now, count, every)]

    def _slots(self, of: str, now: datetime, count: int, every: timedelta) -> list[int]:
        """The numbers of the items, newest first; an item comes at a moment of its own within its slot."""
        newest = int(now.timestamp() // every.total_seconds())
        if self._at(of, newest, every) > now:
            newest -= 1
        return [newest - n for n in range(count)]

    def _at(self, of: str, slot: int, every: timedelta) -> datetime:
        seconds = every.total_seconds()
        part = self._draws.between(0, 0.9, "published", of, slot)
        return datetime.fromtimestamp(int((slot + part) * seconds), UTC)

    def _drawn(self, of: str, slot: int, every: timedelta, about: Paper | None) -> Headline:
        chance, at = self._draws.of("headline", of, slot), self._at(of, slot, every)
        paper = about or (chance.choice(self._companies) if chance.random() < 0.65 else None)
        template, moved = chance.choice(_templates(paper, in_english=of.startswith("en/")))
        title = template.format(**self._words(chance, at, paper, moved))
        sentences = chance.sample(_SENTENCES[1:], 3)
        publisher, publisher_url = chance.choice(PUBLISHERS)
        return Headline(
            number=f"{abs(slot)}{chance.randrange(10_000, 99_999)}",
            title=f"{MARK} {title}",
            lead=f"{title}. {sentences[0]}",
            words=" ".join((f"{title}.", _SENTENCES[0], *sentences)),
            at=at,
            publisher=publisher,
            publisher_url=publisher_url,
            author=chance.choice(AUTHORS),
            section=SECTIONS[2] if paper is not None else chance.choice(SECTIONS[:2]),
            paywalled=chance.random() < 0.35,
        )

    def _words(self, chance: Random, at: datetime, paper: Paper | None, moved: Moved) -> dict[str, str]:
        """What a template may have in it: amounts that suit the company, and movements that there were."""
        rises = self._rises(chance, at, paper, moved)
        price, units = (paper.price, paper.units) if paper is not None else (0.0, 0)
        return {
            "name": paper.called if paper is not None else "",
            "ticker": paper.ticker if paper is not None else "",
            "dividend": ptbr.number(max(0.01, price * chance.uniform(0.004, 0.03))),
            "shares": ptbr.number(max(1, units / 1e6 * chance.uniform(0.005, 0.04)), 0),
            "rate": ptbr.number(self._dollars(at)[-1]) if moved is Moved.DOLLAR else "",
            "number": str(chance.randrange(50, 900)),
            "percent": ptbr.number(chance.uniform(0.3, 3.8), 1),
            "better": "acima do esperado" if rises else "abaixo do esperado",
            "raised": "elevado" if rises else "cortado",
            "moves": "sobe" if rises else "cai",
            "move": "sobem" if rises else "caem",
            "moves_en": "Rise" if rises else "Fall",
            "reason": chance.choice(_REASONS[rises]),
            "reason_en": chance.choice(_REASONS_EN),
        }

    def _rises(self, chance: Random, at: datetime, paper: Paper | None, moved: Moved) -> bool:
        match moved:
            case Moved.PAPER | Moved.INDEX:
                whose = _INDEX if paper is None or moved is Moved.INDEX else paper
                return self._prices.seen(whose, at).change >= 0
            case Moved.DOLLAR:
                before, last = self._dollars(at)
                return last >= before
            case Moved.CHANCE:
                return chance.random() < 0.5

    def _dollars(self, at: datetime) -> tuple[float, float]:
        """The last two closing rates that were out."""
        day = market_day(at)
        *_, before, last = self._rates.closing("USD", day - timedelta(days=14), day, at)
        return before.sell, last.sell


def _templates(paper: Paper | None, *, in_english: bool) -> Sequence[_Template]:
    if in_english:
        return _OF_MARKETS_IN_ENGLISH if paper is None else _OF_COMPANIES_IN_ENGLISH
    if paper is None:
        return _OF_MARKETS
    # A phrase that somebody searches for is no paper: it has no ticker and no price.
    return _OF_COMPANIES if paper.ticker else [each for each in _OF_COMPANIES if each[1] is not Moved.PAPER]


def slug_of(headline: Headline) -> str:
    """The title as addresses have it."""
    plain = unicodedata.normalize("NFKD", headline.title.removeprefix(MARK).casefold()).encode("ascii", "ignore")
    words = "".join(letter if letter.isalnum() else " " for letter in plain.decode()).split()
    return "-".join((*words, headline.number))
