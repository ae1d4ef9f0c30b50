"""Text that a scraper or a user brought, on its way to a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pregao.terminal import printable


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Valor Econômico", "Valor Econômico"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("a\nb\tc", "a b c"),
        ("\x1b]0;title\x07", " ]0;title "),
        ("\u202etxt", " txt"),
    ],
)
def test_what_a_terminal_would_obey_is_gone(text: str, plain: str) -> None:
    assert printable(text) == plain


def test_line_breaks_stay_where_they_are_wanted() -> None:
    assert printable("a\nb\rc", keep="\n") == "a\nb c"


@given(st.text())
def test_everything_left_is_printable(text: str) -> None:
    assert printable(text).isprintable()
