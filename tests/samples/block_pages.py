"""Pages that stand where data should be, written in the manner of those that gateways and bot checks send."""

from __future__ import annotations


def page(title: str, body: str = "") -> bytes:
    """A small page with a title."""
    return f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body>{body}</body></html>".encode()


JUST_A_MOMENT = page("Just a moment...", "<script>window._cf_chl_opt = {};</script>")
UM_MOMENTO = page("Um momento…")
CHECKING = b'<body class="no-js"><h2 id="challenge-running">Checking if the site connection is secure</h2></body>'
CLOUDFLARE_BLOCK = page(
    "Attention Required! | Cloudflare", '<div id="cf-error-details"><h1>Sorry, you have been blocked</h1></div>'
)
ACCESS_DENIED = page("Access denied | site.example used Cloudflare to restrict access", "<h1>Error 1020</h1>")
AKAMAI = page("Access Denied", "<h1>Access Denied</h1>Reference #18.2d351ab8")
CAPTCHA = page("Sorry", '<form id="captcha-form"><div class="g-recaptcha"></div></form>')
CAPTCHA_WORDS = page("Sorry", "Our systems have detected unusual traffic from your network")
RATE_LIMITED = page(
    "Access denied | site.example used Cloudflare to restrict access", "<h2>You are being rate limited</h2>"
)
BAD_GATEWAY = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n"
    b"<body><center><h1>502 Bad Gateway</h1></center></body></html>"
)
CLOUDFLARE_502 = page(
    "site.example | 502: Bad gateway",
    '<div id="cf-error-details"><h1>Bad gateway <span>Error code 502</span></h1></div>',
)
UNAVAILABLE = page("503 Service Temporarily Unavailable")
GATEWAY_TIMEOUT = page("x", "<h1>504 Gateway Time-out</h1>")
MAINTENANCE = page("Site em manutenção")
BAD_GATEWAY_TEXT = b"Bad Gateway\n"
ERROR_CODE_TEXT = b"error code: 1020"
ERROR_CODE_5XX = b"error code: 521"

BLOCKED = (
    *(JUST_A_MOMENT, UM_MOMENTO, CHECKING, CLOUDFLARE_BLOCK, ACCESS_DENIED, AKAMAI, CAPTCHA, CAPTCHA_WORDS),
    ERROR_CODE_TEXT,
)
BROKEN = (
    *(BAD_GATEWAY, CLOUDFLARE_502, UNAVAILABLE, GATEWAY_TIMEOUT, MAINTENANCE, BAD_GATEWAY_TEXT, ERROR_CODE_5XX),
    *(b"", b" \r\n"),
)
