"""Which failures are the same one: a short text that is equal for those that differ in numbers and names only."""

from __future__ import annotations

import re
from hashlib import blake2b

_READ = 2_000
_KEPT = 300
_SHORTEST_ARGUMENT = 2

# The last of several equal deaths says that it was the last, and a lost lease by which worker: `lua/settle.lua`,
# `lua/reclaim.lua`.
_POISON = re.compile(r"^killed \d+ times: the job is poison; the last time: ")
_LEASE = re.compile(r"^(?:poison: )?the lease was lost(?:: worker| \d+ times, last by worker) .*")

_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s\"'<>)\]]+")
# In this order: what is longer and more telling first.
_REPLACED: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"\b[\w.+-]+@[\w-]+\.[\w.-]+\b", "<mail>"),
        (r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", "<id>"),
        (r"\b0x[0-9a-f]+\b", "<address>"),
        (r"\b\d{4}-\d\d-\d\d(?:[t ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:z|[+-]\d\d:?\d\d)?)?", "<time>"),
        (r"\b\d{1,2}/\d{1,2}/\d{4}\b", "<time>"),
        (r"\b\d{1,3}(?:\.\d{1,3}){3}\b", "<address>"),
        (r"(?<!\w)(?=[0-9a-f]*\d)[0-9a-f]{12,}(?!\w)", "<id>"),
        (r"\b[a-z]{4}\d{1,2}[bf]?\b", "<ticker>"),
        (r"\d+(?:[.,]\d+)*", "<n>"),
    )
)


def normalised(message: str, argument: str | None = None) -> str:
    """A message without what changes from one failure to the next; `argument` is the job's own.

    >>> normalised("PETR4: HTTP 502 from https://x.br/PETR4?t=1 after 3.2 s")
    '<ticker>: http <n> from <url> after <n> s'
    >>> normalised("no page for selic meta", "selic meta")
    'no page for <argument>'
    >>> normalised("killed 3 times: the job is poison; the last time: the process got SIGSEGV")
    'the process got sigsegv'
    """
    text = _LEASE.sub("the lease was lost", _POISON.sub("", " ".join(message[:_READ].lower().split())))
    text = _URL.sub("<url>", text)
    wanted = " ".join((argument or "").lower().split())
    if _SHORTEST_ARGUMENT <= len(wanted) <= len(text):
        text = re.sub(rf"(?<!\w){re.escape(wanted)}(?!\w)", "<argument>", text)
    for pattern, name in _REPLACED:
        text = pattern.sub(name, text)
    return text[:_KEPT]


def fingerprint(failure_class: str, scraper: str, message: str, argument: str | None = None) -> str:
    """16 hex digits that are equal for failures of one class and scraper with the same normalised message.

    The same on every machine and in every version of Python.
    """
    parts = "\0".join((failure_class, scraper, normalised(message, argument)))
    return blake2b(parts.encode("utf-8", "replace"), digest_size=8).hexdigest()
