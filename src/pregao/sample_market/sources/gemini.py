"""Google's generateContent."""

from __future__ import annotations

import re

import orjson

from pregao.sample_market.access import KEYS
from pregao.sample_market.analysis import reply, tokens
from pregao.sample_market.answer import Answer, Asked, json_of
from pregao.sample_market.market import Market

_KEY = KEYS["GEMINI_API_KEY"]
_PATH = re.compile(r"/v1beta/models/([A-Za-z0-9._-]{1,80}):generateContent", re.ASCII)
_THOUGHTS = 40


def answer(market: Market, asked: Asked) -> Answer | None:
    """One answer; 400 for any other key, as Google does it, and for a body without contents."""
    found = _PATH.fullmatch(asked.path)
    if found is None or asked.method != "POST":
        return None
    if asked.headers.get("x-goog-api-key") != _KEY:
        return error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.")
    try:
        prompt = str(orjson.loads(asked.body)["contents"][-1]["parts"][-1]["text"])
    except (ValueError, KeyError, TypeError, IndexError):
        return error(400, "INVALID_ARGUMENT", "* GenerateContentRequest.contents: contents is not specified")
    text = reply(market, prompt, found[1])
    number = market.draws.of("content", prompt, market.now()).randrange(16**12)
    asked_tokens, given_tokens = tokens(prompt), tokens(text)
    return json_of(
        {
            "candidates": [
                {"content": {"parts": [{"text": text}], "role": "model"}, "finishReason": "STOP", "index": 0}
            ],
            "modelVersion": found[1],
            "responseId": f"sample{number:012x}",
            "usageMetadata": {
                "promptTokenCount": asked_tokens,
                "candidatesTokenCount": given_tokens,
                "thoughtsTokenCount": _THOUGHTS,
                "totalTokenCount": asked_tokens + given_tokens + _THOUGHTS,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": asked_tokens}],
            },
        }
    )


def error(code: int, status: str, message: str) -> Answer:
    """A refusal as Google words it."""
    return json_of({"error": {"code": code, "message": message, "status": status}}, code)
