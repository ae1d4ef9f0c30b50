"""What an answer costs, by an estimate that errs on the high side."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pregao.scrapers.ai.answer import Usage

# USD per million tokens (in, out), as of 2026: openai.com/api/pricing, ai.google.dev/gemini-api/docs/pricing (the
# standard tier, prompts of up to 200,000 tokens). Models whose price we could not confirm are left out on purpose.
PRICES: Mapping[str, tuple[float, float]] = {
    "gpt-4o": (2.50, 10.00),
    "gpt-4o-mini": (0.15, 0.60),
    "gpt-4.1": (2.00, 8.00),
    "gpt-4.1-mini": (0.40, 1.60),
    "gpt-4.1-nano": (0.10, 0.40),
    "gpt-5": (1.25, 10.00),
    "gpt-5-mini": (0.25, 2.00),
    "gpt-5-nano": (0.05, 0.40),
    "gemini-2.5-pro": (1.25, 10.00),
    "gemini-2.5-flash": (0.30, 2.50),
    "gemini-2.5-flash-lite": (0.10, 0.40),
}

_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$|-\d{3}$")
_PER = 1_000_000


def cost_usd(usage: Usage, own: Mapping[str, tuple[float, float]]) -> float | None:
    """What `usage` costs; None when the model's price is unknown. `own` prices win over ours.

    A dated version (`gpt-4o-2024-08-06`, `gemini-2.0-flash-001`) costs what its model does. Discounts for cached
    prompts are left out; thinking is paid as output.
    """
    model = usage.model
    undated = _DATED.sub("", model)
    price = own.get(model) or own.get(undated) or PRICES.get(model) or PRICES.get(undated)
    if price is None:
        return None
    return round((usage.prompt * price[0] + (usage.completion + usage.thoughts) * price[1]) / _PER, 8)
