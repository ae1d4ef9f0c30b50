"""What a language model's tokens cost, as a setting writes it: `gpt-4o=2.5/10, gemini-2.5-flash=0.3/2.5`."""

from __future__ import annotations

import math
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BeforeValidator

_FORM = "model=input/output in USD per million tokens, separated by commas, for example gpt-4o=2.5/10"
_LARGEST = 1_000_000.0


def _model_name(name: str) -> str:
    """A name that may stand in an address."""
    if not name or not all(letter.isascii() and (letter.isalnum() or letter in "._:-") for letter in name):
        raise ValueError("the name of a model, for example gpt-4o: letters, digits and . _ : -")
    return name


def _prices(value: object) -> object:
    if not isinstance(value, str):
        return value
    return dict(_entry(part.strip()) for part in value.split(",") if part.strip())


def _entry(text: str) -> tuple[str, tuple[float, float]]:
    model, equals, prices = text.partition("=")
    before, slash, after = prices.partition("/")
    if not (equals and slash):
        raise ValueError(_FORM)
    return _model_name(model.strip()), (_price(before), _price(after))


def _price(text: str) -> float:
    try:
        price = float(text)
    except ValueError:
        raise ValueError(_FORM) from None
    if not (math.isfinite(price) and 0 <= price <= _LARGEST):
        raise ValueError(_FORM)
    return price


ModelName: TypeAlias = Annotated[str, AfterValidator(_model_name)]
Prices: TypeAlias = Annotated[dict[str, tuple[float, float]], BeforeValidator(_prices)]
"""By model: USD per million tokens that go in, and that come out."""
