"""Answers and refusals of OpenAI and Google."""

import contextlib
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.samples import answers, models
from tests.samples.recordings import expected, recording

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.ai.answer import NoAnswer, Usage
from pregao.scrapers.ai.redaction import quoted
from pregao.scrapers.builtin.chatgpt_answer import parse_completion, refused_completion
from pregao.scrapers.builtin.gemini_answer import parse_content, refused_content
from pregao.scrapers.failures import RateLimited

STEADY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def no_answer(read: Any, body: bytes) -> NoAnswer:
    with pytest.raises(NoAnswer) as caught:
        read(body)
    assert not caught.value.retryable
    return caught.value


def failure_of(read: Any, body: bytes) -> ScrapeError:
    with pytest.raises(ScrapeError) as caught:
        read(body)
    return caught.value


# --- OpenAI


def test_an_answer_of_openai_has_a_text_its_end_and_what_it_took() -> None:
    answer = parse_completion(models.completion("Olá"))
    assert (answer.text, answer.finish_reason, answer.cut) == ("Olá", "stop", False)
    assert answer.usage == Usage("gpt-4o-2024-08-06", prompt=1000, completion=200, thoughts=0, total=1200)


def test_a_text_that_the_limit_of_tokens_cuts_is_an_answer_that_says_so() -> None:
    assert parse_completion(models.completion("Olá", finish="length")).cut


def test_a_refusal_of_openai_is_no_answer_and_costs_all_the_same() -> None:
    error = no_answer(parse_completion, models.completion(None, refusal="I can't help with that."))
    assert error.failure_class is FailureClass.PERMANENT
    assert "I can't help with that." in str(error)
    assert error.usage is not None
    assert error.usage.total == 1200


@pytest.mark.parametrize("text", [None, "", "  \n"])
def test_no_text_of_openai_is_invalid_and_says_what_to_raise(text: str | None) -> None:
    error = no_answer(parse_completion, models.completion(text, finish="length"))
    assert error.failure_class is FailureClass.VALIDATION
    assert "raise PREGAO_AI_MAX_TOKENS" in str(error)


def test_an_answer_that_the_filter_took_is_permanent() -> None:
    error = no_answer(parse_completion, models.completion("", finish="content_filter"))
    assert error.failure_class is FailureClass.PERMANENT


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"choices": []}, "choices"),
        ({"choices": [{"finish_reason": "stop"}]}, "message"),
        ({"choices": [{"message": {"content": "x"}}]}, "finish_reason"),
        ({"choices": [{"message": {"content": ["x"]}, "finish_reason": "stop"}]}, "not a text"),
        ({"model": None}, "model"),
        ({"usage": None}, "prompt_tokens"),
        ({"usage": {"prompt_tokens": 1, "completion_tokens": True, "total_tokens": 2}}, "completion_tokens"),
        ({"usage": {"prompt_tokens": -1, "completion_tokens": 1, "total_tokens": 2}}, "prompt_tokens"),
    ],
)
def test_another_format_of_openai_is_invalid_and_says_what_is_missing(change: dict[str, Any], missing: str) -> None:
    error = failure_of(parse_completion, orjson.dumps({**orjson.loads(models.completion()), **change}))
    assert (error.failure_class, error.retryable) == (FailureClass.VALIDATION, False)
    assert missing in str(error)


OPENAI_REFUSALS = [
    (400, {"kind": "invalid_request_error", "code": "context_length_exceeded"}, FailureClass.PERMANENT),
    (401, {"kind": "invalid_request_error", "code": "invalid_api_key"}, FailureClass.LOGIN),
    (403, {"code": "unsupported_country_region_territory"}, FailureClass.LOGIN),
    (404, {"code": "model_not_found"}, FailureClass.PERMANENT),
    (429, {"kind": "tokens", "code": "rate_limit_exceeded"}, FailureClass.RATE_LIMITED),
    (429, {"kind": "insufficient_quota", "code": "insufficient_quota"}, FailureClass.PERMANENT),
    (429, {"kind": "insufficient_quota", "code": "project_spend_limit_exceeded"}, FailureClass.PERMANENT),
    (429, {"kind": None, "code": "billing_hard_limit_reached"}, FailureClass.PERMANENT),
    (500, {"kind": "server_error"}, FailureClass.NETWORK),
    (503, {"kind": "server_error"}, FailureClass.NETWORK),
    (504, {"kind": "server_error"}, FailureClass.TIMEOUT),
]


@pytest.mark.parametrize(("status", "error", "failure_class"), OPENAI_REFUSALS)
def test_each_refusal_of_openai_has_a_class(
    status: int, error: dict[str, str | None], failure_class: FailureClass
) -> None:
    refused = refused_completion(status, models.openai_error("Because", **error), retry_after_seconds=7)
    assert refused is not None
    assert (refused.failure_class, refused.retryable) == (failure_class, failure_class.retryable)
    assert f"HTTP {status}" in str(refused)
    assert "Because" in str(refused)
    if isinstance(refused, RateLimited):
        assert refused.retry_after_seconds == 7


@pytest.mark.parametrize("body", [b"", b"oops", answers.PAGE, b"[]", b"{}", b'{"error":"x"}'])
def test_what_is_no_error_object_tells_nothing(body: bytes) -> None:
    assert refused_completion(500, body) is None
    assert refused_content(500, body) is None


def test_a_refusal_whose_names_are_of_another_kind_is_still_a_refusal() -> None:
    odd = {"code": [], "type": {"a": 1}, "param": 0, "status": ["x"], "message": None, "details": {}}
    for refused in (
        refused_completion(400, orjson.dumps({"error": odd})),
        refused_content(429, orjson.dumps([{"error": odd}])),
    ):
        assert refused is not None
        assert refused.metadata["http_status"] in (400, 429)


@pytest.mark.parametrize("read", [parse_completion, parse_content])
def test_a_page_in_place_of_an_answer_is_a_block_and_nothing_is_a_failure_that_passes(read: Any) -> None:
    assert failure_of(read, answers.PAGE).failure_class is FailureClass.BLOCKED
    assert failure_of(read, answers.CHALLENGE).failure_class is FailureClass.BLOCKED
    assert failure_of(read, b"").failure_class is FailureClass.NETWORK
    assert failure_of(read, b"[]").failure_class is FailureClass.VALIDATION
    assert failure_of(read, models.completion()[:-20]).failure_class is FailureClass.VALIDATION


def test_an_error_in_place_of_an_answer_is_that_error_whatever_the_status() -> None:
    openai = failure_of(parse_completion, models.openai_error("Pay", kind="insufficient_quota"))
    assert openai.failure_class is FailureClass.PERMANENT
    google = failure_of(parse_content, models.google_error(503, "UNAVAILABLE", "Overloaded"))
    assert google.failure_class is FailureClass.NETWORK


# --- Google


def test_an_answer_of_gemini_has_a_text_its_end_and_what_it_took() -> None:
    answer = parse_content(models.content("Olá, ", "mundo"))
    assert (answer.text, answer.finish_reason, answer.cut) == ("Olá, mundo", "STOP", False)
    assert answer.usage == Usage("gemini-2.5-flash", prompt=1000, completion=200, thoughts=300, total=1500)


def test_gemini_s_thoughts_are_no_part_of_its_answer() -> None:
    parts = [{"text": "Hmm", "thought": True}, {"text": "4", "thoughtSignature": "x"}, {"functionCall": {}}]
    assert parse_content(models.content(parts=parts)).text == "4"


def test_the_model_that_was_asked_stands_in_for_one_that_is_not_named() -> None:
    document = orjson.loads(models.content("x"))
    del document["modelVersion"]
    assert parse_content(orjson.dumps(document), asked_model="gemini-x").usage.model == "gemini-x"


def test_gemini_s_text_that_the_limit_cuts_is_an_answer_that_says_so() -> None:
    assert parse_content(models.content("x", finish="MAX_TOKENS")).cut


@pytest.mark.parametrize(
    ("finish", "failure_class", "words"),
    [
        ("MAX_TOKENS", FailureClass.VALIDATION, "raise PREGAO_AI_MAX_TOKENS"),
        ("STOP", FailureClass.VALIDATION, "gave no text"),
        ("SAFETY", FailureClass.PERMANENT, "blocks the answer"),
        ("RECITATION", FailureClass.PERMANENT, "blocks the answer"),
    ],
)
def test_no_text_of_gemini_is_no_answer_and_costs_all_the_same(
    finish: str, failure_class: FailureClass, words: str
) -> None:
    error = no_answer(parse_content, models.content(finish=finish))
    assert error.failure_class is failure_class
    assert words in str(error)
    assert error.usage is not None
    assert error.usage.total == 1500


def test_a_candidate_without_content_is_no_answer() -> None:
    document = orjson.loads(models.content("x", finish="SAFETY"))
    del document["candidates"][0]["content"]
    assert no_answer(parse_content, orjson.dumps(document)).failure_class is FailureClass.PERMANENT


def test_a_prompt_that_gemini_blocks_is_permanent() -> None:
    error = no_answer(parse_content, models.blocked_prompt("PROHIBITED_CONTENT"))
    assert error.failure_class is FailureClass.PERMANENT
    assert "PROHIBITED_CONTENT" in str(error)
    assert error.usage is not None
    assert error.usage.prompt == 1000
    bare = no_answer(parse_content, b'{"promptFeedback":{"blockReason":"SAFETY"}}')
    assert bare.usage is None


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"candidates": []}, "candidates"),
        ({"candidates": None}, "candidates"),
        ({"candidates": ["x"]}, "finishReason"),
        ({"candidates": [{"content": {"parts": [{"text": "x"}]}}]}, "finishReason"),
        ({"candidates": [{"content": {"parts": "x"}, "finishReason": "STOP"}]}, "not a list of objects"),
        ({"candidates": [{"content": {"parts": [{"text": 4}]}, "finishReason": "STOP"}]}, "not texts"),
        ({"usageMetadata": None}, "promptTokenCount"),
        ({"usageMetadata": {"promptTokenCount": 4}}, "totalTokenCount"),
    ],
)
def test_another_format_of_gemini_is_invalid_and_says_what_is_missing(change: dict[str, Any], missing: str) -> None:
    error = failure_of(parse_content, orjson.dumps({**orjson.loads(models.content("x")), **change}))
    assert (error.failure_class, error.retryable) == (FailureClass.VALIDATION, False)
    assert missing in str(error)


GOOGLE_REFUSALS = [
    (400, "INVALID_ARGUMENT", "Bad", (), FailureClass.PERMANENT),
    (400, "FAILED_PRECONDITION", "User location is not supported", (), FailureClass.PERMANENT),
    (400, "INVALID_ARGUMENT", "Bad", (models.KEY_INVALID,), FailureClass.LOGIN),
    (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", (), FailureClass.LOGIN),
    (403, "PERMISSION_DENIED", "No", (), FailureClass.LOGIN),
    (404, "NOT_FOUND", "models/x is not found", (), FailureClass.PERMANENT),
    (429, "RESOURCE_EXHAUSTED", "Slow down", (models.RETRY_IN_34_S,), FailureClass.RATE_LIMITED),
    (500, "INTERNAL", "Oops", (), FailureClass.NETWORK),
    (503, "UNAVAILABLE", "Overloaded", (), FailureClass.NETWORK),
    (504, "DEADLINE_EXCEEDED", "Late", (), FailureClass.TIMEOUT),
]


@pytest.mark.parametrize(("status", "name", "message", "details", "failure_class"), GOOGLE_REFUSALS)
def test_each_refusal_of_google_has_a_class(
    status: int, name: str, message: str, details: tuple[dict[str, Any], ...], failure_class: FailureClass
) -> None:
    refused = refused_content(status, models.google_error(status, name, message, *details))
    assert refused is not None
    assert (refused.failure_class, refused.retryable) == (failure_class, failure_class.retryable)
    assert f"HTTP {status} ({name}): {message}" in str(refused)
    if isinstance(refused, RateLimited):
        assert refused.retry_after_seconds == 34.5


# --- keys


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Incorrect API key provided: sk-proj-abc123.", "Incorrect API key provided: (hidden)"),
        ("Incorrect API key provided: sk-XG6GW*****wlmi.", "Incorrect API key provided: (hidden)"),
        ("key AIzaSyA1234567890 is bad", "key (hidden) is bad"),
        ("GET /x?key=abc&alt=json", "GET /x?key=(hidden)&alt=json"),
        ("Authorization: Bearer abc.def", "Authorization: (hidden)"),
        ("a  risk-taking\ncompany", "a risk-taking company"),
        (None, "None"),
    ],
)
def test_what_an_upstream_says_is_repeated_without_keys(said: str | None, shown: str) -> None:
    assert quoted(said, None) == shown


def test_the_key_in_use_is_hidden_whatever_it_looks_like() -> None:
    assert quoted("the key weird/key is bad", "weird/key") == "the key (hidden) is bad"


def test_what_an_upstream_says_is_not_repeated_at_length() -> None:
    assert len(quoted("x" * 10_000, None)) == 300


@pytest.mark.parametrize("field", ["message", "code", "kind", "param"])
def test_no_part_of_a_refusal_shows_the_key(field: str) -> None:
    error = {"message": "No", field: f"it was {models.OPENAI_KEY}"}
    refused = refused_completion(401, models.openai_error(**error), models.OPENAI_KEY)
    assert refused is not None
    assert models.OPENAI_KEY not in f"{refused}{refused.metadata}"


# --- the recordings


def test_the_recorded_answer_of_openai_reads_as_expected() -> None:
    name = "chat_completions_200.json"
    answer, wanted = parse_completion(recording("chatgpt", name)), expected("chatgpt", name)
    usage = answer.usage
    assert {
        "text": answer.text,
        "model": usage.model,
        "finish_reason": answer.finish_reason,
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.total,
    } == wanted


def test_the_recorded_refusal_of_openai_reads_as_expected() -> None:
    name = "chat_completions_400.json"
    wanted = expected("chatgpt", name)
    refused = refused_completion(wanted["http_status"], recording("chatgpt", name))
    assert refused is not None
    assert refused.metadata == wanted
    assert refused.failure_class is FailureClass.PERMANENT


def test_the_documented_quota_refusal_of_openai_is_not_retried() -> None:
    name = "error_429_insufficient_quota.DOCUMENTED_SHAPE.json"
    wanted = expected("chatgpt", name)
    refused = refused_completion(wanted["http_status"], recording("chatgpt", name))
    assert refused is not None
    assert refused.retryable is wanted["retryable"]


def test_the_recorded_answers_of_gemini_read_as_expected() -> None:
    name = "generateContent_gemini-2.5-flash_200.json"
    answer, wanted = parse_content(recording("gemini", name)), expected("gemini", name)
    usage = answer.usage
    assert (answer.text, answer.finish_reason) == (wanted["text"], wanted["finishReason"])
    assert (usage.prompt, usage.completion, usage.thoughts, usage.total) == (
        wanted["prompt"],
        wanted["candidates"],
        wanted["thoughts"],
        wanted["total_tokens"],
    )
    name = "generateContent_gemini-3.5-flash_200.json"
    answer, wanted = parse_content(recording("gemini", name)), expected("gemini", name)
    assert (answer.text, answer.finish_reason, answer.usage.total) == (
        wanted["text"],
        wanted["finishReason"],
        wanted["total_tokens"],
    )


def test_the_recorded_answer_of_gemini_without_parts_is_no_answer() -> None:
    name = "generateContent_MAX_TOKENS_no_parts_200.json"
    error, wanted = no_answer(parse_content, recording("gemini", name)), expected("gemini", name)
    assert wanted["text"] is None
    assert wanted["finishReason"] in str(error)
    assert error.failure_class is FailureClass.VALIDATION
    assert error.usage == Usage("gemini-2.5-pro", prompt=15, completion=0, thoughts=2, total=17)


def test_the_shape_of_gemini_s_rate_limit_is_known() -> None:
    refused = refused_content(429, recording("gemini", "error_429.TEST_MOCK_SHAPE.json"))
    assert isinstance(refused, RateLimited)


# --- anything


NAMES = (
    *("choices", "message", "content", "refusal", "finish_reason", "usage", "prompt_tokens", "completion_tokens"),
    *("total_tokens", "model", "error", "code", "type", "candidates", "parts", "text", "finishReason", "details"),
    *("promptFeedback", "blockReason", "usageMetadata", "promptTokenCount", "totalTokenCount", "retryDelay", "status"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=14,
)


def reads_or_fails(body: bytes) -> None:
    for read in (parse_completion, parse_content):
        with contextlib.suppress(ScrapeError):
            assert read(body).text.strip()
    for status in (400, 429, 503):
        refused_completion(status, body)
        refused_content(status, body)


SAMPLES = st.sampled_from([models.completion(), models.content("x"), models.blocked_prompt(), models.openai_error("x")])


@STEADY
@given(SAMPLES, st.integers(0, 400))
def test_a_truncated_answer_fails_with_a_class(sample: bytes, end: int) -> None:
    reads_or_fails(sample[:end])


@STEADY
@given(st.permutations(list(models.completion())) | st.permutations(list(models.content("x"))))
def test_a_shuffled_answer_fails_with_a_class(letters: list[int]) -> None:
    reads_or_fails(bytes(letters))


@STEADY
@given(st.binary(max_size=200))
def test_any_bytes_fail_with_a_class(body: bytes) -> None:
    reads_or_fails(body)


@STEADY
@given(JSON)
def test_any_json_reads_or_fails_with_a_class(document: object) -> None:
    reads_or_fails(orjson.dumps(document))


@STEADY
@given(SAMPLES, st.lists(st.tuples(st.sampled_from(NAMES), JSON), min_size=1, max_size=3))
def test_an_answer_with_a_field_of_another_kind_reads_or_fails_with_a_class(
    sample: bytes, changes: list[tuple[str, object]]
) -> None:
    def changed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: dict(changes).get(key, changed(inner)) for key, inner in value.items()}
        return [changed(inner) for inner in value] if isinstance(value, list) else value

    reads_or_fails(orjson.dumps(changed(orjson.loads(sample))))
