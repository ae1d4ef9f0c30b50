"""Each proof writes into its own section of the page."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.__main__ import _options, is_whole
from bench.proof_page import PAGE, is_wanted, replace_section

TWO_SECTIONS = """# Proof

<!-- survival: written by the run -->
old
<!-- end of survival -->
between
<!-- speed: written by the run -->
figures
<!-- end of speed -->
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    page = tmp_path / "proof.md"
    page.write_text(TWO_SECTIONS)
    return page


def test_a_section_is_replaced_and_the_rest_is_kept(page: Path) -> None:
    replace_section("survival", "new\n", page)
    replace_section("survival", "newer\n", page)
    assert page.read_text() == TWO_SECTIONS.replace("old\n", "\nnewer\n\n")


def test_a_page_without_the_marks_is_left_alone_and_named(page: Path) -> None:
    page.write_text("nothing here")
    with pytest.raises(ValueError, match=r"proof\.md has the line '<!-- speed: written by the run -->' 0 times"):
        replace_section("speed", "new", page)
    assert page.read_text() == "nothing here"


@pytest.mark.parametrize("section", ["survival", "speed"])
def test_the_real_page_has_every_section_once(section: str) -> None:
    text = PAGE.read_text()
    assert text.count(f"<!-- {section}: written by the run -->") == text.count(f"<!-- end of {section} -->") == 1


def test_only_a_whole_run_goes_onto_the_page_unless_told_otherwise() -> None:
    assert is_wanted(whole=True, environ={})
    assert not is_wanted(whole=False, environ={})
    assert is_wanted(whole=False, environ={"PROOF": "1"})


@pytest.mark.parametrize(
    "arguments", [["--quick"], ["--only", "drain"], ["--no-peers"], ["--peers", "arq"], ["--repeats", "1"]]
)
def test_a_reduced_run_of_the_bench_is_not_whole(arguments: list[str]) -> None:
    assert is_whole(_options().parse_args([]))
    assert not is_whole(_options().parse_args(arguments))
