"""The prompt for a ticker: a template, and what is stored about the ticker, cut to a bounded size."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson

from pregao.domain.clock import market_iso
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.stored import StoredResult

USUAL_PLACE = Path("config/ai_prompt.txt")
FIELDS = ("ticker", "company", "today", "results")
LONGEST_TEMPLATE_BYTES = 64 * 1024
RESULT_BYTES = 4_000
ALL_RESULTS_BYTES = 24_000
NOTHING = "(nenhum dado coletado nos últimos {days} dias)"

_FIELD = re.compile(r"\{\{\s*(\w*)\s*\}\}")
# How much of a result is shown: (items of a list, letters of a text), the first that fits.
_SIZES = ((20, 400), (5, 200), (2, 80))
_DEPTH = 6
_KEYS = 80


def read_template(chosen: Path | None) -> str:
    """The template: the `chosen` file, else config/ai_prompt.txt if there is one, else ours.

    Raises ScrapeError PERMANENT for a file that is missing, unreadable, too large, or names an unknown field.
    """
    if chosen is None and not USUAL_PLACE.is_file():
        return (files(__package__) / "analysis.txt").read_text(encoding="utf-8")
    path = chosen or USUAL_PLACE
    try:
        with path.open("rb") as file:
            text = file.read(LONGEST_TEMPLATE_BYTES + 1)
        if len(text) > LONGEST_TEMPLATE_BYTES:
            raise ValueError(f"it is larger than {LONGEST_TEMPLATE_BYTES} bytes")
        template = text.decode("utf-8")
        unknown = sorted({name for name in _FIELD.findall(template) if name not in FIELDS})
        if unknown:
            raise ValueError(f"{{{{{unknown[0]}}}}} is not a field; use {', '.join(FIELDS)}")
    except (OSError, ValueError) as error:
        message = f"the prompt template {path} cannot be used (PREGAO_AI_PROMPT): {error}"
        raise ScrapeError(message, FailureClass.PERMANENT) from error
    return template


def fill(template: str, fields: Mapping[str, str]) -> str:
    """The template with its fields filled in, once: what is filled in may contain braces of its own."""
    return _FIELD.sub(lambda match: fields[match[1]], template)


def wants_results(template: str) -> bool:
    """Whether the template has a place for the stored results."""
    return "results" in _FIELD.findall(template)


def describe_results(results: Sequence[StoredResult]) -> tuple[str, list[StoredResult]]:
    """The results as text of at most ALL_RESULTS_BYTES, and those that found room, in their order."""
    texts: list[str] = []
    used: list[StoredResult] = []
    left = ALL_RESULTS_BYTES
    for result in results:
        text = _describe(result)
        size = len(text.encode()) + 2
        if size <= left:
            texts.append(text)
            used.append(result)
            left -= size
    return "\n\n".join(texts), used


def _describe(result: StoredResult) -> str:
    head = f"## {result.scraper}, coletado em {market_iso(result.executed_at)}\n"
    if result.data is None:
        return f"{head}(resultado grande demais para este resumo)"
    for items, letters in _SIZES:
        body = orjson.dumps(_shrunk(result.data, items, letters, _DEPTH))
        if len(body) <= RESULT_BYTES:
            break
    return head + body[:RESULT_BYTES].decode("utf-8", "ignore")


def _shrunk(value: Any, items: int, letters: int, depth: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= letters else value[:letters] + "…"
    if not isinstance(value, list | dict):
        return value
    if depth == 0:
        return "…"
    if isinstance(value, dict):
        # A field without a value takes room and says nothing.
        known = [(key, inner) for key, inner in value.items() if inner is not None][:_KEYS]
        return {key[:80]: _shrunk(inner, items, letters, depth - 1) for key, inner in known}
    shown = [_shrunk(inner, items, letters, depth - 1) for inner in value[:items]]
    return shown if len(value) <= items else [*shown, f"… e mais {len(value) - items}"]
