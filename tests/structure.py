"""The structure of answers, without their values: so that a made-up answer can be held against a recorded one."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from lxml import etree, html

Shape = Mapping[str, frozenset[str]]
"""Path → the kinds of value that stand there."""

ANYTHING = frozenset({"null", "empty"})
"""Where a recording has nothing, it says nothing of what may stand there."""

_KINDS = {
    "day/month/year": re.compile(r"\d{2}/\d{2}/\d{4}"),
    "day/month/year time": re.compile(r"\d{2}/\d{2}/\d{4} \d{2}:\d{2}:\d{2}"),
    "iso date": re.compile(r"\d{4}-\d{2}-\d{2}"),
    "iso time": re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(\.\d+)?Z?"),
    "rfc822 time": re.compile(r"[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} \S+"),
    "percentage": re.compile(r"[-+]?[\d.]+,\d+ ?%"),
    "decimal comma": re.compile(r"(R\$ )?[-+]?\d{1,3}(\.\d{3})*,\d+"),
    "grouped": re.compile(r"(R\$ )?[-+]?\d{1,3}(\.\d{3})+"),
    "decimal point": re.compile(r"[-+]?\d+\.\d+"),
    "digits": re.compile(r"[-+]?\d+"),
    "address": re.compile(r"https?://\S+"),
    "empty": re.compile(r"-?"),
}


def kind_of_text(text: str) -> str:
    """What a text looks like; `text` when it is none of the kinds that a parser would read otherwise.

    >>> kind_of_text("30,41"), kind_of_text(" -0,66% "), kind_of_text("13.75"), kind_of_text("PETR4")
    ('decimal comma', 'percentage', 'decimal point', 'text')
    """
    plain = " ".join(text.split())
    return next((kind for kind, pattern in _KINDS.items() if pattern.fullmatch(plain)), "text")


def shape_of(document: Any) -> Shape:
    """Every path in a JSON document; the entries of a list are taken together."""
    found: dict[str, set[str]] = defaultdict(set)
    _collect(document, "$", found)
    return {path: frozenset(kinds) for path, kinds in found.items()}


def feed_shape(body: bytes) -> Shape:
    """The elements of a feed's channel and items, by their names as written, and their attributes."""
    found: dict[str, set[str]] = defaultdict(set)
    root = etree.fromstring(body, etree.XMLParser(recover=True, resolve_entities=False, no_network=True))
    for item in root.iter("item"):
        for child in item:
            name = child.tag if child.prefix is None else f"{child.prefix}:{etree.QName(child).localname}"
            text = " ".join("".join(map(str, child.itertext())).split())
            found[f"item/{name}"].add(kind_of_text(text))
            for attribute, value in child.attrib.items():
                found[f"item/{name}@{attribute}"].add(kind_of_text(value))
    return {path: frozenset(kinds) for path, kinds in found.items()}


def table_shape(body: bytes, encoding: str) -> Shape:
    """What a page of label and data cells has under each label: in the order of occurrence."""
    page = html.document_fromstring(body.decode(encoding).encode(), html.HTMLParser(encoding="utf-8"))
    found: dict[str, set[str]] = defaultdict(set)
    times: dict[str, int] = defaultdict(int)
    for row in page.iter("tr"):
        for label, data in pairwise(row.iterchildren("td")):
            if "label" in label.get("class", "") and "data" in data.get("class", ""):
                spans = [span for span in label.iter("span") if "help" not in span.get("class", "")]
                name = "".join(span.text_content() for span in spans).strip()
                inner = "/".join(child.tag for child in data.iterdescendants())
                found[f"{name} {times[name]}"] |= {kind_of_text(data.text_content())}
                found[f"{name} {times[name]} markup"] |= {inner.removesuffix("/a")}
                times[name] += 1
    return {path: frozenset(kinds) for path, kinds in found.items() if not path.startswith(" ")}


def place_of(page: html.HtmlElement, label: str, marks: frozenset[str]) -> str | None:
    """Where a page has a label first: its element, and those around it, by their tags and such classes as are `marks`.

    None when it is nowhere.
    """
    for element in page.iter():
        if isinstance(element.tag, str) and "".join((element.text or "").split()) == "".join(label.split()):
            around = [element, *element.iterancestors()]
            steps = [f"{each.tag}.{'.'.join(sorted(marks & set(each.get('class', '').split())))}" for each in around]
            return " < ".join(step for step in steps if not step.endswith("."))
    return None


def differences(recorded: Shape, made_up: Shape, *, besides: Iterable[str] = ()) -> list[str]:
    """What is in the recording and not, or otherwise, in the made-up answer; `besides` are paths to pass over."""
    found = []
    for path, kinds in recorded.items():
        if any(path == skipped or path.startswith(f"{skipped}.") for skipped in besides):
            continue
        if path not in made_up:
            found.append(f"{path} is missing")
        elif not (kinds & made_up[path] or kinds <= ANYTHING):
            found.append(f"{path} is {sorted(made_up[path])}, recorded {sorted(kinds)}")
    return found


def _collect(value: Any, path: str, found: dict[str, set[str]]) -> None:
    match value:
        case dict():
            found[path].add("object")
            for key, inner in value.items():
                _collect(inner, f"{path}.{key}", found)
        case list():
            found[path].add("list")
            for inner in value:
                _collect(inner, f"{path}[]", found)
        case None:
            found[path].add("null")
        case bool():
            found[path].add("boolean")
        case int() | float():
            found[path].add("number")
        case _:
            found[path].add(kind_of_text(str(value)))
