"""Answers of language models in their makers' formats, with invented words."""

from __future__ import annotations

from typing import Any

import orjson

OPENAI_KEY = "sk-proj-Sample0123456789"
GEMINI_KEY = "AIzaSySample0123456789"


def completion(text: str | None = "Resposta.", *, finish: str = "stop", refusal: str | None = None) -> bytes:
    """An answer of OpenAI that took 1,000 tokens and gave 200."""
    return orjson.dumps(
        {
            "id": "chatcmpl-sample",
            "object": "chat.completion",
            "created": 1790000000,
            "model": "gpt-4o-2024-08-06",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": finish,
                    "message": {"role": "assistant", "content": text, "refusal": refusal},
                }
            ],
            "usage": {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200},
        }
    )


def openai_error(message: str, *, kind: str | None = None, code: str | None = None, param: str | None = None) -> bytes:
    """What OpenAI says with another status."""
    return orjson.dumps({"error": {"message": message, "type": kind, "code": code, "param": param}})


def content(
    *texts: str, finish: str | None = "STOP", parts: list[dict[str, Any]] | None = None, candidates: int = 1
) -> bytes:
    """An answer of Google that took 1,000 tokens, thought 300 and gave 200."""
    given = [{"text": text} for text in texts] if parts is None else parts
    inner: dict[str, Any] = {"role": "model", **({"parts": given} if given else {})}
    candidate = {"content": inner, "finishReason": finish, "index": 0}
    return orjson.dumps(
        {
            "candidates": [candidate] * candidates,
            "modelVersion": "gemini-2.5-flash",
            "usageMetadata": {
                "promptTokenCount": 1000,
                "candidatesTokenCount": 200,
                "thoughtsTokenCount": 300,
                "totalTokenCount": 1500,
            },
        }
    )


def blocked_prompt(reason: str = "SAFETY") -> bytes:
    """Google's answer to a prompt that it does not take."""
    usage = {"promptTokenCount": 1000, "totalTokenCount": 1000}
    return orjson.dumps({"promptFeedback": {"blockReason": reason}, "usageMetadata": usage})


def google_error(code: int, status: str, message: str, *details: dict[str, Any]) -> bytes:
    """What Google says with another status."""
    return orjson.dumps({"error": {"code": code, "message": message, "status": status, "details": list(details)}})


KEY_INVALID = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
RETRY_IN_34_S = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}
