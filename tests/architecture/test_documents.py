"""The documents lead where they say: to files and headings that there are; and decisions are numbered one by one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
IDS = [str(page.relative_to(ROOT)) for page in PAGES]

_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`]*`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+?)\s*$", re.MULTILINE)
_FILE_IN_CODE = re.compile(r"`((?:src|tests|docs|bench)/[\w./-]+\.(?:py|yaml|md|lua|sql|txt))`")


def prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as GitHub makes them."""
    texts = [heading.replace("`", "") for heading in _HEADING.findall(prose(page))]
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in texts}


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_link_leads_to_a_file_and_a_heading_that_there_are(page: Path) -> None:
    wrong = []
    for link in _LINK.findall(_CODE.sub("", prose(page))):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            wrong.append(link)

    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_file_that_is_named_is_there(page: Path) -> None:
    assert [name for name in _FILE_IN_CODE.findall(prose(page)) if not (ROOT / name).exists()] == []


def test_every_page_is_reached_from_the_readme() -> None:
    reached, to_read = set(), [ROOT / "README.md"]
    while to_read:
        page = to_read.pop()
        if page in reached:
            continue
        reached.add(page)
        targets = [(page.parent / link.partition("#")[0]).resolve() for link in _LINK.findall(prose(page))]
        for target in targets:
            to_read += sorted(target.glob("*.md")) if target.is_dir() else [target] * (target.suffix == ".md")

    assert [str(page) for page in PAGES if page not in reached and page.parent != ROOT] == []


def test_decisions_are_numbered_without_gaps_in_their_names_and_titles() -> None:
    titles = [page.read_text(encoding="utf-8").partition("\n")[0] for page in DECISIONS]

    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    assert [title.partition(". ")[0] for title in titles] == [f"# {n}" for n in range(1, len(DECISIONS) + 1)]


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_says_problem_decision_and_consequences(page: Path) -> None:
    parts = re.findall(r"^\*\*(\w+)\.\*\*", page.read_text(encoding="utf-8"), re.MULTILINE)

    assert parts == ["Problem", "Decision", "Consequences"]
