"""News that never happened: what would be written about companies and markets, marked as a sample in every title."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pregao.sample_market.draws import Draws
from pregao.sample_market.papers import PAPERS, WITH_OPTIONS, Kind, Paper

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

_OF_COMPANIES = (
    "{name} anuncia dividendos de R$ {money} por ação",
    "{name} tem lucro {better} no trimestre, diz relatório",
    "Analistas {raise_} preço-alvo de {name}",
    "{name} ({ticker}) {moves} na B3 com {reason}",
    "{name} aprova recompra de até {number} milhões de ações",
    "Conselho de {name} discute plano de investimentos",
    "{name} emite R$ {number} milhões em debêntures",
    "O que esperar do balanço de {name}",
    "{name} troca diretor financeiro",
)
_OF_MARKETS = (
    "Ibovespa {moves} com {reason}",
    "Dólar {moves} e fecha a R$ {rate}",
    "Juros futuros {move} com {reason}",
    "Copom: o que o mercado espera da Selic",
    "Inflação {better} em prévia do mês",
    "Bolsas de Nova York {move} com {reason}",
    "Petróleo {moves} {number}% com {reason}",
    "Minério de ferro {moves} na China com {reason}",
    "Fluxo estrangeiro na bolsa soma R$ {number} milhões",
)
_IN_ENGLISH = (
    "Stocks {moves_en} as Traders Weigh {reason_en}",
    "Oil {moves_en} on {reason_en}",
    "Brazilian Assets {moves_en} With {reason_en}",
    "{name} {moves_en} After Results",
)
_REASONS = ("cautela no exterior", "dados da China", "ruído fiscal", "alívio nos juros", "giro baixo", "balanços")
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

    def __init__(self, draws: Draws) -> None:
        self._draws = draws
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
        subject = Paper("", "", "", phrase, phrase, "", 30.0, 1)
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
        chance = self._draws.of("headline", of, slot)
        english = of.startswith("en/")
        paper = about or (chance.choice(self._companies) if chance.random() < 0.65 else None)
        templates: Sequence[str] = _OF_COMPANIES if paper is not None else _OF_MARKETS
        rises = chance.random() < 0.5
        fields = {
            "name": paper.called if paper is not None else "",
            "ticker": paper.ticker if paper is not None else "",
            "money": f"{chance.uniform(0.05, 2):.2f}".replace(".", ","),
            "rate": f"{chance.uniform(5.0, 5.6):.2f}".replace(".", ","),
            "number": str(chance.randrange(2, 900)),
            "better": "melhor que o esperado" if rises else "abaixo do esperado",
            "raise_": "elevam" if rises else "cortam",
            "moves": "sobe" if rises else "cai",
            "move": "sobem" if rises else "caem",
            "moves_en": "Rise" if rises else "Fall",
            "reason": chance.choice(_REASONS),
            "reason_en": chance.choice(_REASONS_EN),
        }
        if english:
            templates = _IN_ENGLISH if paper is not None else _IN_ENGLISH[:3]
        elif paper is not None and not paper.ticker:
            templates = [template for template in templates if "{ticker}" not in template]
        title = chance.choice(templates).format(**fields)
        sentences = chance.sample(_SENTENCES[1:], 3)
        publisher, publisher_url = chance.choice(PUBLISHERS)
        return Headline(
            number=f"{abs(slot)}{chance.randrange(10_000, 99_999)}",
            title=f"{MARK} {title}",
            lead=f"{title}. {sentences[0]}",
            words=" ".join((f"{title}.", _SENTENCES[0], *sentences)),
            at=self._at(of, slot, every),
            publisher=publisher,
            publisher_url=publisher_url,
            author=chance.choice(AUTHORS),
            section=SECTIONS[2] if paper is not None else chance.choice(SECTIONS[:2]),
            paywalled=chance.random() < 0.35,
        )


def slug_of(headline: Headline) -> str:
    """The title as addresses have it."""
    plain = unicodedata.normalize("NFKD", headline.title.removeprefix(MARK).casefold()).encode("ascii", "ignore")
    words = "".join(letter if letter.isalnum() else " " for letter in plain.decode()).split()
    return "-".join((*words, headline.number))
