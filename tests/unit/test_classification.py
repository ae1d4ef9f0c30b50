"""What failures of other people's scrapers come to: by status, by type, by words."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pregao.domain import classification, failure_words
from pregao.domain.classification import Attributes, Classified, classified
from pregao.domain.failure import FailureClass as Class

ORDINARY = ("RuntimeError", "Exception", "BaseException", "object")


def of_text(text: str) -> Class:
    return classified(ORDINARY, text).failure_class


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, Class.PERMANENT), (401, Class.LOGIN), (403, Class.BLOCKED), (404, Class.NOT_FOUND),
        (405, Class.PERMANENT), (407, Class.LOGIN), (408, Class.TIMEOUT), (410, Class.NOT_FOUND),
        (429, Class.RATE_LIMITED), (451, Class.BLOCKED), (500, Class.NETWORK), (502, Class.NETWORK),
        (503, Class.NETWORK), (504, Class.TIMEOUT), (520, Class.NETWORK), (522, Class.TIMEOUT), (524, Class.TIMEOUT),
    ],
)  # fmt: skip
def test_a_status_that_an_exception_carries_decides(status: int, expected: Class) -> None:
    assert classified(ORDINARY, "it broke", Attributes(status)).failure_class is expected


@pytest.mark.parametrize("status", [None, 200, 302])
def test_a_status_that_is_no_failure_says_nothing(status: int | None) -> None:
    assert classified(ORDINARY, "it broke", Attributes(status)).failure_class is Class.ERROR


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HTTP 429", Class.RATE_LIMITED),
        ("HTTP error 403 while loading", Class.BLOCKED),
        ("HTTP/1.1 502", Class.NETWORK),
        ("status_code=401", Class.LOGIN),
        ("Status code: 404 for PETR4", Class.NOT_FOUND),
        ("Unexpected status 503", Class.NETWORK),
        ("Client error '429 Too Many Requests' for url 'https://x.br/a'", Class.RATE_LIMITED),
        ("Server error '500 Internal Server Error' for url 'https://x.br'", Class.NETWORK),
        ("429 Client Error: Too Many Requests for url: https://x.br", Class.RATE_LIMITED),
        ("403, message='Forbidden', url='https://x.br'", Class.BLOCKED),
        ("page returned 404", Class.NOT_FOUND),
        ("the API returned status 429", Class.RATE_LIMITED),
        ("x.br answered 401", Class.LOGIN),
        ("error code: 522", Class.TIMEOUT),
        ("502 Bad Gateway", Class.NETWORK),
        ("504 Gateway Time-out", Class.TIMEOUT),
    ],
)
def test_a_status_in_the_text_decides(text: str, expected: Class) -> None:
    assert of_text(text) is expected


@pytest.mark.parametrize(
    "text",
    ["429 rows were read, 430 were expected", "PETR4 closed at 404.10", "R$ 403", "line 503 is empty", "took 408 ms"],
)
def test_a_number_that_is_no_status_decides_nothing(text: str) -> None:
    assert of_text(text) is Class.ERROR


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("TimeoutError", Class.TIMEOUT), ("ReadTimeout", Class.TIMEOUT), ("ConnectTimeoutError", Class.TIMEOUT),
        ("TimeoutException", Class.TIMEOUT), ("ConnectionError", Class.NETWORK), ("gaierror", Class.NETWORK),
        ("SSLError", Class.NETWORK), ("ClientConnectionError", Class.NETWORK), ("RemoteProtocolError", Class.NETWORK),
        ("IncompleteRead", Class.NETWORK), ("TypeError", Class.BUG), ("AttributeError", Class.BUG),
        ("ImportError", Class.BUG), ("NotImplementedError", Class.BUG), ("PermissionError", Class.PERMANENT),
        ("FileNotFoundError", Class.PERMANENT), ("ValueError", Class.ERROR), ("KeyError", Class.ERROR),
    ],
)  # fmt: skip
def test_a_type_decides(name: str, expected: Class) -> None:
    assert classified((name, *ORDINARY[1:]), "it broke").failure_class is expected


def test_a_type_may_derive_from_one_that_decides() -> None:
    names = ("SlowPage", "TimeoutError", "OSError", "Exception", "BaseException", "object")
    assert classified(names, "").failure_class is Class.TIMEOUT


def test_what_is_no_exception_is_a_bug() -> None:
    assert classified(("SystemExit", "BaseException", "object"), "3").failure_class is Class.BUG


@pytest.mark.parametrize("text", ["No such file: 'cookies/status.json'", "session.json"])
def test_a_missing_file_of_cookies_is_about_the_login(text: str) -> None:
    assert classified(("FileNotFoundError", "OSError", "Exception"), text).failure_class is Class.LOGIN


def test_a_broken_connection_that_says_more_is_what_it_says() -> None:
    names = ("HTTPError", "URLError", "OSError", "Exception")
    assert classified(names, "redirected to the login page").failure_class is Class.LOGIN


@pytest.mark.parametrize(
    ("expected", "texts"),
    [
        (
            Class.RATE_LIMITED,
            ["Too many requests", "rate limit exceeded", "You exceeded your current quota", "quota exceeded",
             "Request was throttled", "Muitas requisições, tente mais tarde", "limite de requisições atingido"],
        ),
        (
            Class.LOGIN,
            ["Session expired", "the session has expired", "Sessão expirada", "Login required", "You are not logged in",
             "Please log in to continue", "Faça login para continuar", "cookies expired", "Cookies vencidos",
             "redirected to the login page", "authentication required", "Invalid API key", "usuário não autenticado"],
        ),
        (
            Class.BLOCKED,
            ["Attention Required! | Cloudflare", "Just a moment...", "Captcha detected", "Access denied",
             "Acesso negado", "please verify you are human", "unusual traffic from your network", "403 forbidden",
             "your IP has been blocked", "bot detection triggered", "Automated access is not allowed"],
        ),
        (
            Class.NOT_FOUND,
            ["Ticker XPTO3 not found", "ativo XPTO3 não encontrado", "No such ticker", "unknown symbol: XYZ",
             "Empresa não existe mais", "Página não encontrada", "stock was delisted", "código inválido",
             "The company no longer trades"],
        ),
        (
            Class.TIMEOUT,
            ["Timeout 30000ms exceeded", "operation timed out", "Page load time out", "tempo esgotado",
             "RetryError[<Future at 0x7f state=finished raised TimeoutException>]", "tempo limite excedido"],
        ),
        (
            Class.NETWORK,
            ["net::ERR_NAME_NOT_RESOLVED at https://x.br", "Connection refused", "connection was reset by peer",
             "Cannot connect to host x.br:443", "[Errno -2] Name or service not known", "Bad gateway",
             "Service Temporarily Unavailable", "SSL: certificate verify failed", "Conexão recusada",
             "falha de conexão", "Remote end closed connection without response"],
        ),
    ],
    ids=lambda value: value.value if isinstance(value, Class) else "",
)  # fmt: skip
def test_words_decide(expected: Class, texts: list[str]) -> None:
    assert {text: of_text(text) for text in texts} == dict.fromkeys(texts, expected)


@pytest.mark.parametrize(
    "text",
    ["Element #price not found", "selector .quote was not found on the page", "no data", "list index out of range",
     "could not convert string to float: 'N/A'", "", "loaded https://x.br/login?timeout=30&captcha=1 without a table"],
)  # fmt: skip
def test_a_text_that_says_nothing_of_the_kind_is_an_error(text: str) -> None:
    assert of_text(text) is Class.ERROR


def test_the_login_goes_before_the_refusal() -> None:
    assert of_text("Access denied: please log in") is Class.LOGIN


def test_the_status_goes_before_type_and_words() -> None:
    assert classified(("ReadTimeout", "Exception"), "captcha", Attributes(429)).failure_class is Class.RATE_LIMITED


@pytest.mark.parametrize(
    ("attributes", "text", "expected"),
    [
        (Attributes(429, "120"), "", Classified(Class.RATE_LIMITED, 120.0)),
        (Attributes(503, "7"), "", Classified(Class.RATE_LIMITED, 7.0)),
        (
            Attributes(503, "Mon, 05 Oct 2026 12:00:30 GMT", "Mon, 05 Oct 2026 12:00:00 GMT"),
            "",
            Classified(Class.RATE_LIMITED, 30.0),
        ),
        (Attributes(503), "", Classified(Class.NETWORK)),
        (Attributes(429, "soon"), "", Classified(Class.RATE_LIMITED)),
        (None, "HTTP 429, Retry-After: 90", Classified(Class.RATE_LIMITED, 90.0)),
        (None, "rate limited, try again in 5 minutes", Classified(Class.RATE_LIMITED, 300.0)),
        (None, "too many requests: retry after 2 hours", Classified(Class.RATE_LIMITED, 7200.0)),
        (None, "Muitas requisições, tente novamente em 30 segundos", Classified(Class.RATE_LIMITED, 30.0)),
        (None, "rate limit: wait 1500 ms", Classified(Class.RATE_LIMITED, 1.5)),
        (None, "HTTP 503, retry after 10", Classified(Class.RATE_LIMITED, 10.0)),
    ],
)
def test_what_the_source_asks_for_is_read(attributes: Attributes | None, text: str, expected: Classified) -> None:
    assert classified(ORDINARY, text, attributes) == expected


def test_a_wait_beside_another_failure_is_nobodys_wish() -> None:
    assert classified(("TypeError", "Exception"), "retry after 3 seconds") == Classified(Class.BUG)


@given(st.text(max_size=300), st.lists(st.text(max_size=20), max_size=4), st.integers() | st.none())
def test_whatever_comes_gets_a_class(text: str, names: list[str], status: int | None) -> None:
    found = classified(names, text, Attributes(status, text, text))
    assert isinstance(found.failure_class, Class)
    assert found.retry_after_seconds is None or found.retry_after_seconds >= 0


@pytest.mark.parametrize("module", [classification, failure_words])
def test_the_examples_in_the_documentation_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]
