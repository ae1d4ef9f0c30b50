"""OpenAI's chat completions: how an answer and a refusal read."""

from __future__ import annotations

from typing import Any

import orjson

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.ai.answer import Answer, NoAnswer, Usage, tokens
from pregao.scrapers.ai.redaction import quoted
from pregao.scrapers.failures import RateLimited
from pregao.scrapers.json_answers import at, invalid, load, shown, text

OPENAI = "api.openai.com"
WHAT = "OpenAI's answer"

# No wait mends these: somebody must pay, or raise a limit.
_QUOTA = frozenset(
    {
        "insufficient_quota",
        "billing_hard_limit_reached",
        "billing_not_active",
        "project_spend_limit_exceeded",
        "organization_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
    }
)


def parse_completion(body: bytes, key: str | None = None) -> Answer:
    """Read an answer that came with HTTP 200. Source fields: choices[0].message, finish_reason, model, usage.

    Raises NoAnswer for a refusal (PERMANENT) and for no text (VALIDATION); ScrapeError for an error object in place
    of an answer, BLOCKED or NETWORK for a page, VALIDATION for what is not the format. `key` is kept out of messages.
    """
    document = load(body, OPENAI, WHAT)
    error = at(document, "error")
    if isinstance(error, dict):
        raise _failure(400, error, key, None)
    choices = at(document, "choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message, finish = at(choice, "message"), at(choice, "finish_reason")
    if not isinstance(message, dict):
        raise invalid(WHAT, "choices[0].message is missing")
    if not isinstance(finish, str):
        raise invalid(WHAT, "choices[0].finish_reason is missing")
    usage = _usage(document)
    if message.get("refusal"):
        said = quoted(message["refusal"], key)
        raise NoAnswer(f"ChatGPT refuses to answer: {said}", FailureClass.PERMANENT, usage)
    content = message.get("content")
    if content is not None and not isinstance(content, str):
        raise invalid(WHAT, f"choices[0].message.content is {shown(content)}, not a text")
    if not text(content):
        raise _no_text(finish, usage)
    return Answer(text=str(content), finish_reason=finish, cut=finish != "stop", usage=usage)


def refused_completion(
    status: int, body: bytes, key: str | None = None, retry_after_seconds: float | None = None
) -> ScrapeError | None:
    """The failure behind an answer with another status; None when it carries no error object that would tell.

    LOGIN for 401 and 403, RATE_LIMITED for 429 unless it means a quota that is used up: that is PERMANENT, as are
    other requests that OpenAI does not take. NETWORK from 500 on.
    """
    error = _error(body)
    return None if error is None else _failure(status, error, key, retry_after_seconds)


def _failure(status: int, error: dict[str, Any], key: str | None, retry_after_seconds: float | None) -> ScrapeError:
    told = {name: quoted(error[name], key) if error.get(name) else None for name in ("code", "type", "param")}
    names = ", ".join(name for name in told.values() if name)
    words = f"OpenAI answered HTTP {status} ({names}): {quoted(error.get('message'), key)}"
    failure = _classified(status, words, told, retry_after_seconds)
    failure.metadata = {"http_status": status, **{f"error_{name}": value for name, value in told.items()}}
    return failure


def _classified(status: int, words: str, told: dict[str, str | None], retry_after_seconds: float | None) -> ScrapeError:
    if not _QUOTA.isdisjoint((told["type"], told["code"])):
        return ScrapeError(words, FailureClass.PERMANENT)
    match status:
        case 429:
            return RateLimited(words, retry_after_seconds)
        case 401 | 403:
            return ScrapeError(f"{words}; check OPENAI_API_KEY", FailureClass.LOGIN)
        case 408 | 504:
            return ScrapeError(words, FailureClass.TIMEOUT)
        case _ if status >= 500:
            return ScrapeError(words, FailureClass.NETWORK)
        case _:
            return ScrapeError(words, FailureClass.PERMANENT)


def _usage(document: object) -> Usage:
    usage, model = at(document, "usage"), text(at(document, "model"))
    if not model:
        raise invalid(WHAT, "model is missing")
    return Usage(
        model=model[:100],
        prompt=tokens(WHAT, usage, "prompt_tokens"),
        completion=tokens(WHAT, usage, "completion_tokens"),
        thoughts=0,  # OpenAI counts them within the completion
        total=tokens(WHAT, usage, "total_tokens"),
    )


def _no_text(finish: str, usage: Usage) -> NoAnswer:
    if finish == "content_filter":
        return NoAnswer("OpenAI's content filter left nothing of the answer", FailureClass.PERMANENT, usage)
    why = "; raise PREGAO_AI_MAX_TOKENS" if finish == "length" else ""
    return NoAnswer(f"ChatGPT gave no text (finish_reason {finish[:40]}){why}", FailureClass.VALIDATION, usage)


def _error(body: bytes) -> dict[str, Any] | None:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    error = at(document, "error")
    return error if isinstance(error, dict) else None
