"""What went wrong on the way to a source, as ScrapeErrors that name the host and the cause."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator, Mapping

import httpx

from pregao.domain.classification import retry_after_seconds
from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass

# What only a bot check has. The script that watches visitors (challenge-platform/scripts/jsd) is in ordinary pages too.
_CHALLENGE_MARKS = (
    b"attention required! | cloudflare",
    b"used cloudflare to restrict access",
    b"<title>just a moment",
    b"<title>um momento",
    b"orchestrate/chl_",
    b"cf_chl_opt",
    b"cf-browser-verification",
    b"challenge-running",
    b"challenge-error-",
    b"px-captcha",
    b"captcha-delivery.com",
    b"_incapsula_resource",
    b"detected unusual traffic",
)
# Ordinary pages may ask for a captcha in a form; a page that is little more than that is a bot check.
_CAPTCHA_MARKS = (b"g-recaptcha", b"h-captcha", b"cf-turnstile", b"captcha-form")
_CHECKED = 20_000


class RateLimited(ScrapeError):
    """The source asks to come back later."""

    def __init__(self, message: str, retry_after_seconds: float | None) -> None:
        """`retry_after_seconds` is what the source asked for, None when it did not say."""
        self.retry_after_seconds = retry_after_seconds
        super().__init__(message, FailureClass.RATE_LIMITED)


def of_transport(error: httpx.HTTPError | httpx.InvalidURL, origin: str) -> ScrapeError:
    """No usable answer came: TIMEOUT, NETWORK, or PERMANENT for an address that can never work."""
    host = _host(origin)
    match error:
        case httpx.ConnectTimeout():
            return ScrapeError(f"cannot connect to {host} in time", FailureClass.TIMEOUT)
        case httpx.PoolTimeout():
            return ScrapeError(f"no free connection to {host} in time", FailureClass.TIMEOUT)
        case httpx.TimeoutException():
            return ScrapeError(f"no answer from {host} in time", FailureClass.TIMEOUT)
        case httpx.ConnectError() | httpx.ProxyError():
            return ScrapeError(f"cannot reach {host}: {_cause(error)}", FailureClass.NETWORK)
        case httpx.TooManyRedirects():
            return ScrapeError(f"{host} redirects in circles", FailureClass.PERMANENT)
        case httpx.UnsupportedProtocol() | httpx.InvalidURL():
            return ScrapeError(f"{origin!r} is not an address: {error}", FailureClass.PERMANENT)
        case _:
            return ScrapeError(f"the connection to {host} broke: {_cause(error)}", FailureClass.NETWORK)


def of_status(status: int, headers: Mapping[str, str], body: bytes, url: str) -> ScrapeError:
    """An answer came, but not one that carries data."""
    host = _host(url)
    wait = retry_after_seconds(headers.get("retry-after"), headers.get("date"))
    if status == 429 or (status == 503 and wait is not None and not is_challenge(body)):
        name = "429 Too Many Requests" if status == 429 else "503 Service Unavailable"
        when = "" if wait is None else f", retry after {wait:g} s"
        return RateLimited(f"{host} answered {name}{when}", wait)
    if is_challenge(body) or status == 403:
        return ScrapeError(f"{host} refuses automated access (HTTP {status})", FailureClass.BLOCKED)
    if status == 401:
        return ScrapeError(f"{host} asks for credentials (HTTP 401)", FailureClass.LOGIN)
    if status == 408:
        return ScrapeError(f"{host} answered HTTP 408", FailureClass.TIMEOUT)
    failure_class = FailureClass.NETWORK if status >= 500 else FailureClass.PERMANENT
    return ScrapeError(f"{host} answered HTTP {status} to {url}", failure_class)


def is_html(body: bytes) -> bool:
    """Whether a body is a page, when data was expected."""
    return body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<"


def is_challenge(body: bytes) -> bool:
    """Whether a page is a bot check or a block notice, not what was asked for."""
    if not is_html(body):
        return False
    head = body[:_CHECKED].lower()
    marks = _CHALLENGE_MARKS if len(body) > _CHECKED else _CHALLENGE_MARKS + _CAPTCHA_MARKS
    return any(mark in head for mark in marks)


def _host(url: str) -> str:
    try:
        return httpx.URL(url).netloc.decode("ascii") or url
    except httpx.InvalidURL:
        return url


def _cause(error: BaseException) -> str:
    """The reason nearest to the operating system, in a few words."""
    for link in _chain(error):
        if isinstance(link, ssl.SSLCertVerificationError):
            return f"its TLS certificate is not trusted ({link.verify_message})"
        if isinstance(link, ssl.SSLError):
            return f"TLS failed ({link.reason})"
        if isinstance(link, socket.gaierror):
            return "host name not found"
        if isinstance(link, OSError) and link.errno:
            return os.strerror(link.errno).lower()
    return str(error) or type(error).__name__


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for member in error.exceptions:
                yield from _chain(member)
        error = error.__cause__ or error.__context__
