"""Which failures count as the same."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pregao.domain import fingerprint as module
from pregao.domain.fingerprint import fingerprint, normalised


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("timed out after 30 s", "timed out after 12.5 s"),
        ("HTTP 502 from https://x.br/PETR4", "HTTP 502 from https://x.br/VALE3?page=2"),
        ("no quote for PETR4", "no quote for TAEE11"),
        ("job 0a4c2a5e-3f9b-4a35-9d0c-6b7f5a3f5e51 died", "job 6d0f8a34-52c1-4f1b-8c0e-3f6f0f6a9b27 died"),
        ("<Page object at 0x7f3a1c>", "<Page object at 0x55d0e0>"),
        ("stale since 2026-11-24T10:30:00-03:00", "stale since 2026-11-25 09:00"),
        ("data de 24/11/2026", "data de 3/1/2027"),
        ("cannot reach 10.0.0.7: refused", "cannot reach 192.168.1.20: refused"),
        ("trace 5f2b9c0d1e3a4b5c", "trace a1b2c3d4e5f60718"),
        ("Too   many\nrequests", "too many requests"),
        ("mail to ana@x.br bounced", "mail to rui.s@y.com.br bounced"),
        ("1.234,56 is not plausible", "7,10 is not plausible"),
    ],
)
def test_numbers_names_and_places_make_no_difference(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)
    assert fingerprint("error", "B3", one) == fingerprint("error", "B3", other)


@pytest.mark.parametrize(
    ("one", "other"), [("selic", "ipca"), ("inflação no Brasil", "taxa de juros"), ("PETR4", "ABC")]
)
def test_the_jobs_own_argument_makes_no_difference(one: str, other: str) -> None:
    pair = [fingerprint("error", "News", f"nothing about {argument} today", argument) for argument in (one, other)]
    assert pair[0] == pair[1]


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("the process got SIGSEGV", "killed 3 times: the job is poison; the last time: the process got SIGSEGV"),
        ("the lease was lost: worker h1:7:ab stopped renewing it",
         "poison: the lease was lost 3 times, last by worker h2:9:cd"),
        ("the lease was lost: worker h1:7:ab has ended", "poison: the lease was lost 4 times, last by worker h1:7:ab"),
    ],
)  # fmt: skip
def test_the_last_of_several_equal_deaths_is_the_same_failure(first: str, last: str) -> None:
    assert fingerprint("killed", "b3", last) == fingerprint("killed", "b3", first)


def test_an_argument_inside_of_a_word_stays() -> None:
    assert normalised("the meta tag is missing", "eta") == "the meta tag is missing"


def test_class_scraper_and_words_make_a_difference() -> None:
    same = fingerprint("error", "B3", "no table")
    others = [
        fingerprint("network", "B3", "no table"),
        fingerprint("error", "BCB", "no table"),
        fingerprint("error", "B3", "no price"),
    ]
    assert same not in others
    assert len(set(others)) == 3


def test_a_fingerprint_is_the_same_for_ever() -> None:
    assert fingerprint("timeout", "B3", "timed out after 30 s") == "346ce2a5c41c3b26"


@given(st.text(), st.text() | st.none())
def test_whatever_comes_has_a_short_fingerprint(message: str, argument: str | None) -> None:
    found = fingerprint("error", "B3", message, argument)
    assert len(found) == 16
    assert int(found, 16) >= 0
    assert len(normalised(message, argument)) <= 300


def test_the_examples_in_the_documentation_hold() -> None:
    assert doctest.testmod(module).failed == 0
