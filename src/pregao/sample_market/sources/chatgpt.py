"""OpenAI's chat completions."""

from __future__ import annotations

import orjson

from pregao.sample_market.access import KEYS
from pregao.sample_market.analysis import reply, tokens
from pregao.sample_market.answer import Answer, Asked, json_of
from pregao.sample_market.market import Market

_KEY = KEYS["OPENAI_API_KEY"]
_SNAPSHOT = "2024-08-06"
"""Who asks for a model by its short name is answered by one of its dated versions."""


def answer(market: Market, asked: Asked) -> Answer | None:
    """One completion; 401 for any other key, 400 for a body without messages."""
    if asked.path != "/v1/chat/completions" or asked.method != "POST":
        return None
    if asked.headers.get("authorization") != f"Bearer {_KEY}":
        return error("Incorrect API key provided.", 401, "invalid_request_error", "invalid_api_key")
    try:
        question = orjson.loads(asked.body)
        model, prompt = str(question["model"]), str(question["messages"][-1]["content"])
    except (ValueError, KeyError, TypeError, IndexError):
        return error("Missing required parameter: 'messages'.", 400, "invalid_request_error", None)
    text = reply(market, prompt, model)
    number = market.draws.of("completion", prompt, market.now()).randrange(16**12)
    asked_tokens, given_tokens = tokens(prompt), tokens(text)
    return json_of(
        {
            "id": f"chatcmpl-sample{number:012x}",
            "object": "chat.completion",
            "created": int(market.now().timestamp()),
            "model": f"{model}-{_SNAPSHOT}",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "logprobs": None,
                    "message": {"role": "assistant", "content": text, "refusal": None, "annotations": []},
                }
            ],
            "usage": {
                "prompt_tokens": asked_tokens,
                "completion_tokens": given_tokens,
                "total_tokens": asked_tokens + given_tokens,
                "prompt_tokens_details": {"audio_tokens": 0, "cached_tokens": 0},
                "completion_tokens_details": {
                    "accepted_prediction_tokens": 0,
                    "audio_tokens": 0,
                    "reasoning_tokens": 0,
                    "rejected_prediction_tokens": 0,
                },
            },
            "service_tier": "default",
            "system_fingerprint": "fp_sample",
        }
    )


def error(message: str, status: int, kind: str, code: str | None) -> Answer:
    """A refusal as OpenAI words it."""
    return json_of({"error": {"message": message, "type": kind, "param": None, "code": code}}, status)
