"""Exceptions of all kinds of libraries, read by what they carry."""

import http
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError

import httpx
import pytest

from pregao.domain.classification import Attributes, Classified
from pregao.domain.failure import FailureClass as Class
from pregao.domain.raised import attributes_of, classify_raised, classify_reported, type_names


class Carrying(Exception):
    """An exception with these attributes."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__ |= attributes
        super().__init__("it broke")


class Hostile(Exception):
    @property
    def response(self) -> Any:
        raise RuntimeError("no")

    @property
    def headers(self) -> Any:
        raise KeyError("no")


def judged(error: BaseException) -> Classified:
    return classify_raised(error, f"{type(error).__name__}: {error}")


def test_an_error_of_httpx_tells_its_status_and_its_retry_after() -> None:
    request = httpx.Request("GET", "https://x.br/a")
    response = httpx.Response(429, headers={"Retry-After": "9"}, request=request)
    with pytest.raises(httpx.HTTPStatusError) as caught:
        response.raise_for_status()
    assert judged(caught.value) == Classified(Class.RATE_LIMITED, 9.0)


def test_an_error_of_urllib_tells_its_code() -> None:
    error = HTTPError("https://x.br", 403, "no", {"Retry-After": "5"}, None)  # type: ignore[arg-type]
    try:
        assert judged(error) == Classified(Class.BLOCKED, 5.0)
    finally:
        error.close()


@pytest.mark.parametrize(
    ("carried", "expected"),
    [
        ({"response": SimpleNamespace(status_code=404, headers={})}, Attributes(404)),
        ({"response": SimpleNamespace(status=503, headers={"RETRY-AFTER": 4})}, Attributes(503, "4")),
        ({"status": 401, "headers": {"Date": "today"}}, Attributes(401, None, "today")),
        ({"status_code": "429", "retry_after": 12}, Attributes(429, "12")),
        ({"status": http.HTTPStatus.BAD_GATEWAY}, Attributes(502)),
        ({"code": True, "status": "pending"}, Attributes()),
        ({"status": 200, "headers": "none"}, Attributes()),
        ({"response": None, "headers": {1: 2}}, Attributes()),
    ],
)
def test_status_and_headers_are_found_where_libraries_put_them(carried: dict[str, Any], expected: Attributes) -> None:
    assert attributes_of(Carrying(**carried)) == expected


def test_an_exception_whose_own_code_raises_is_judged_all_the_same() -> None:
    assert judged(Hostile("rate limit exceeded")) == Classified(Class.RATE_LIMITED)


def test_what_it_was_raised_from_is_asked_when_it_says_nothing() -> None:
    def scrape() -> None:
        try:
            raise ConnectionResetError("peer")
        except ConnectionResetError as error:
            raise RuntimeError("scraping failed") from error

    with pytest.raises(RuntimeError) as outer:
        scrape()
    assert judged(outer.value).failure_class is Class.NETWORK


def test_what_happened_meanwhile_counts_unless_it_was_left_out() -> None:
    def scrape() -> None:
        try:
            raise TimeoutError
        except TimeoutError:
            raise RuntimeError("scraping failed")  # noqa: B904 - as careless code does

    with pytest.raises(RuntimeError) as outer:
        scrape()
    assert judged(outer.value).failure_class is Class.TIMEOUT
    outer.value.__suppress_context__ = True
    assert judged(outer.value).failure_class is Class.ERROR


def test_a_bug_that_was_caught_and_translated_is_none() -> None:
    def scrape() -> None:
        try:
            int([])  # type: ignore[call-overload]
        except TypeError as error:
            raise RuntimeError("the page has another layout") from error

    with pytest.raises(RuntimeError) as outer:
        scrape()
    assert judged(outer.value).failure_class is Class.ERROR


def test_a_group_is_as_its_members() -> None:
    group = ExceptionGroup("two failed", [ValueError("a"), ConnectionRefusedError("b")])
    assert judged(group).failure_class is Class.NETWORK


def test_a_circle_of_causes_ends() -> None:
    first, second = RuntimeError("a"), RuntimeError("b")
    first.__cause__, second.__cause__ = second, first
    assert judged(first).failure_class is Class.ERROR


def test_type_names_are_those_of_the_bases_as_well() -> None:
    assert type_names(ConnectionResetError()) == (
        "ConnectionResetError", "ConnectionError", "OSError", "Exception", "BaseException", "object",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("result", "message", "expected"),
    [
        (SimpleNamespace(failure_class="blocked"), "HTTP 429", Classified(Class.BLOCKED)),
        (SimpleNamespace(failure_class=Class.LOGIN), "", Classified(Class.LOGIN)),
        (SimpleNamespace(metadata={"status_code": 429, "retry_after": 3}), "no", Classified(Class.RATE_LIMITED, 3.0)),
        (SimpleNamespace(metadata=["odd"]), "Session expired", Classified(Class.LOGIN)),
        (SimpleNamespace(), "no page for PETR4", Classified(Class.ERROR)),
    ],
)
def test_a_failure_that_was_returned_is_judged_by_text_and_metadata(
    result: object, message: str, expected: Classified
) -> None:
    assert (
        classify_reported(getattr(result, "failure_class", None), message, getattr(result, "metadata", None))
        == expected
    )


def test_a_class_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="sleepy"):
        classify_reported("sleepy", "", None)
