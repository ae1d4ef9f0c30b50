"""What its clients must know of the sample server: the names of its sources, and the keys that it takes."""

from __future__ import annotations

NAMES = (
    *("b3", "bcb", "bloomberg", "chatgpt", "coinmarketcap", "fundamentus", "gemini", "googlenews", "investidor10"),
    *("investing", "opcoes", "statusinvest", "tradingview", "valor"),
)
"""Each is a path prefix, and in capitals the end of PREGAO_UPSTREAM_<SOURCE>."""

KEYS = {"OPENAI_API_KEY": "sk-sample-0000", "GEMINI_API_KEY": "sample-0000"}
"""The only keys that open anything here; they open nothing elsewhere."""


def addresses(origin: str) -> dict[str, str]:
    """The variables that lead all sources to the sample server at `origin`."""
    return {f"PREGAO_UPSTREAM_{name.upper()}": f"{origin}/{name}" for name in NAMES}
