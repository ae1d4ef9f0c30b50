"""Gemini's generateContent: how an answer and a refusal read."""

from __future__ import annotations

import re
from typing import Any

import orjson

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.ai.answer import Answer, NoAnswer, Usage, tokens
from pregao.scrapers.ai.redaction import quoted
from pregao.scrapers.failures import RateLimited
from pregao.scrapers.json_answers import at, invalid, load, shown, text

GOOGLE = "generativelanguage.googleapis.com"
WHAT = "Gemini's answer"

_REFUSALS = frozenset({"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE"})
_SECONDS = re.compile(r"(\d{1,6}(?:\.\d{1,9})?)s", re.ASCII)


def parse_content(body: bytes, key: str | None = None, *, asked_model: str = "gemini") -> Answer:
    """Read an answer that came with HTTP 200. Source fields: candidates[0], modelVersion, usageMetadata.

    Parts that are thoughts are left out. Raises NoAnswer for a prompt or answer that is blocked (PERMANENT) and for
    no text (VALIDATION); ScrapeError for an error object in place of an answer, BLOCKED or NETWORK for a page,
    VALIDATION for what is not the format. `key` is kept out of messages.
    """
    document = load(body, GOOGLE, WHAT)
    error = at(document, "error")
    if isinstance(error, dict):
        raise _failure(_given_status(error), error, key)
    candidates = at(document, "candidates")
    candidate = candidates[0] if isinstance(candidates, list) and candidates else None
    if candidate is None:
        raise _blocked(document, key, asked_model)
    finish = at(candidate, "finishReason")
    if not isinstance(finish, str):
        raise invalid(WHAT, "candidates[0].finishReason is missing")
    usage, said = _usage(document, asked_model), _text(candidate)
    if not said.strip():
        raise _no_text(finish, usage)
    return Answer(text=said, finish_reason=finish, cut=finish != "STOP", usage=usage)


def refused_content(status: int, body: bytes, key: str | None = None) -> ScrapeError | None:
    """The failure behind an answer with another status; None when it carries no error object that would tell.

    LOGIN for 401, 403 and a 400 that is about the key, RATE_LIMITED for 429 with the delay of its RetryInfo, NETWORK
    from 500 on, TIMEOUT for DEADLINE_EXCEEDED, PERMANENT for other requests that Google does not take.
    """
    error = _error(body)
    return None if error is None else _failure(status, error, key)


def _failure(status: int, error: dict[str, Any], key: str | None) -> ScrapeError:
    name = quoted(error["status"], key) if error.get("status") else None
    failure = _classified(status, f"Gemini answered HTTP {status} ({name}): {quoted(error.get('message'), key)}", error)
    failure.metadata = {"http_status": status, "error_status": name}
    return failure


def _classified(status: int, words: str, error: dict[str, Any]) -> ScrapeError:
    match status:
        case 429:
            return RateLimited(words, _delay(error))
        case 401 | 403:
            return ScrapeError(f"{words}; check GEMINI_API_KEY", FailureClass.LOGIN)
        case 400 if _is_about_the_key(error):
            return ScrapeError(f"{words}; check GEMINI_API_KEY", FailureClass.LOGIN)
        case 408 | 504:
            return ScrapeError(words, FailureClass.TIMEOUT)
        case _ if status >= 500:
            return ScrapeError(words, FailureClass.NETWORK)
        case _:
            return ScrapeError(words, FailureClass.PERMANENT)


def _given_status(error: dict[str, Any]) -> int:
    """The status that an error names, for an answer that came with 200 all the same."""
    code = error.get("code")
    return code if isinstance(code, int) and 400 <= code < 600 else 400


def _text(candidate: object) -> str:
    parts = at(candidate, "content", "parts")
    if parts is None:
        return ""
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise invalid(WHAT, f"candidates[0].content.parts is {shown(parts)}, not a list of objects")
    texts = [part["text"] for part in parts if "text" in part and part.get("thought") is not True]
    if not all(isinstance(text, str) for text in texts):
        raise invalid(WHAT, f"candidates[0].content.parts has {shown(texts)}, not texts")
    return "".join(texts)


def _usage(document: object, asked_model: str) -> Usage:
    usage = at(document, "usageMetadata")
    return Usage(
        model=(text(at(document, "modelVersion")) or asked_model)[:100],
        prompt=tokens(WHAT, usage, "promptTokenCount"),
        # Google leaves out what is zero.
        completion=tokens(WHAT, usage, "candidatesTokenCount", required=False),
        thoughts=tokens(WHAT, usage, "thoughtsTokenCount", required=False),
        total=tokens(WHAT, usage, "totalTokenCount"),
    )


def _blocked(document: object, key: str | None, asked_model: str) -> ScrapeError:
    """Why there is no candidate: the prompt was blocked, else the format is another one."""
    reason = at(document, "promptFeedback", "blockReason")
    if not isinstance(reason, str):
        return invalid(WHAT, "candidates is missing")
    usage = _usage(document, asked_model) if isinstance(at(document, "usageMetadata"), dict) else None
    return NoAnswer(f"Gemini blocks the prompt: {quoted(reason, key)}", FailureClass.PERMANENT, usage)


def _no_text(finish: str, usage: Usage) -> NoAnswer:
    if finish in _REFUSALS:
        return NoAnswer(f"Gemini blocks the answer: {finish}", FailureClass.PERMANENT, usage)
    why = "; raise PREGAO_AI_MAX_TOKENS, thinking counts too" if finish == "MAX_TOKENS" else ""
    return NoAnswer(f"Gemini gave no text (finishReason {finish[:40]}){why}", FailureClass.VALIDATION, usage)


def _details(error: dict[str, Any]) -> list[dict[str, Any]]:
    details = error.get("details")
    return [detail for detail in details if isinstance(detail, dict)] if isinstance(details, list) else []


def _is_about_the_key(error: dict[str, Any]) -> bool:
    """An invalid key is a 400 like any other: only its reason tells, and in its absence the words."""
    return any(detail.get("reason") == "API_KEY_INVALID" for detail in _details(error)) or (
        "api key not valid" in str(error.get("message")).lower()
    )


def _delay(error: dict[str, Any]) -> float | None:
    for detail in _details(error):
        match = _SECONDS.fullmatch(str(detail.get("retryDelay")))
        if match:
            return float(match[1])
    return None


def _error(body: bytes) -> dict[str, Any] | None:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if isinstance(document, list) and document:
        document = document[0]
    error = at(document, "error")
    return error if isinstance(error, dict) else None
