"""Pages as trees, whatever bytes they come in."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.samples import block_pages

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.html_pages import decode_page, read_page, text_of, with_class

HOST = "site.example"
WORDS = "Cotação, Mês, Máquinas"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "iso-8859-1", "cp1252"])
def test_what_characters_the_bytes_stand_for_is_decided_by_the_bytes(encoding: str) -> None:
    assert decode_page(WORDS.encode(encoding)) == WORDS


def test_one_wrong_byte_does_not_turn_a_utf8_page_into_another_encoding() -> None:
    assert decode_page(WORDS.encode() + b"\xff") == WORDS + "\ufffd"


def test_a_page_that_ends_inside_of_a_character_stays_utf8() -> None:
    assert decode_page((WORDS + "ç").encode()[:-1]).startswith(WORDS)


@given(st.binary(max_size=300))
def test_any_bytes_are_text(body: bytes) -> None:
    assert isinstance(decode_page(body), str)


def test_a_reader_sees_no_scripts_no_icons_and_no_break_inside_of_a_word() -> None:
    page = read_page(
        b"<p>Marg<wbr>em <b>L\xc3\xadquida</b><script>x()</script><style>p{}</style>"
        b"<i class='material-icons x'>help_outline</i>\n  <!-- note --> 5%</p></html>",
        HOST,
    )
    assert text_of(page) == "Margem Líquida 5%"


def test_classes_are_whole_words() -> None:
    page = read_page(b"<div><b class='sub-value'>1</b><b class='value d-block'>2</b></div></html>", HOST)
    assert [text_of(each) for each in with_class(page, "value")] == ["2"]


def test_a_page_nested_without_end_is_cut_and_not_followed() -> None:
    page = read_page(b"<html><body>" + b"<div>" * 50_000 + b"deep</html>", HOST)
    assert text_of(page) in ("", "deep")


@pytest.mark.parametrize("body", [b"{}", b"\x89PNG", "<html></html>".encode("utf-16"), b"<!-- --></html>"])
def test_what_is_no_page_is_refused(body: bytes) -> None:
    with pytest.raises(ScrapeError) as caught:
        read_page(body, HOST)
    assert caught.value.failure_class is FailureClass.VALIDATION


def test_a_page_without_its_end_is_refused_and_worth_a_retry() -> None:
    with pytest.raises(ScrapeError, match=r"the page of site\.example ends too early") as caught:
        read_page(b"<html><body><p>half a pa", HOST)
    assert caught.value.failure_class is FailureClass.VALIDATION
    assert caught.value.retryable


def test_a_block_page_is_refused_before_it_is_read() -> None:
    with pytest.raises(ScrapeError) as caught:
        read_page(block_pages.JUST_A_MOMENT, HOST)
    assert caught.value.failure_class is FailureClass.BLOCKED


@given(st.binary(max_size=300))
def test_any_page_reads_or_fails_with_a_class(body: bytes) -> None:
    for each in (b"<" + body, b"<html>\x00" + body, b'<?xml version="1.0" encoding="utf-16"?>' + body):
        with contextlib.suppress(ScrapeError):
            text_of(read_page(each + b"</html>", HOST))
