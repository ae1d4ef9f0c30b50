"""Texts of upstreams without the keys that they like to repeat."""

from __future__ import annotations

import re

HIDDEN = "(hidden)"

# OpenAI: sk-proj-…, shown in part with asterisks when it is refused. Google: AIza…
_KEY = re.compile(r"\bsk-[A-Za-z0-9_*.-]{3,}|\bAIza[A-Za-z0-9_*-]{6,}|\bBearer\s+\S+|(?<=[?&]key=)[^&\s]+")
_LONGEST = 300


def quoted(text: object, key: str | None) -> str:
    """What an upstream says, in one line and not too long, without `key` or anything that looks like one."""
    words = " ".join(str(text).split())
    if key:
        words = words.replace(key, HIDDEN)
    words = _KEY.sub(HIDDEN, words)
    return words if len(words) <= _LONGEST else words[: _LONGEST - 1] + "…"
