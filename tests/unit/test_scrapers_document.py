"""The document of the scrapers names every field that a page is read for."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from pregao.scrapers.builtin.fundamentus_page import FundamentusFund, FundamentusShare
from pregao.scrapers.builtin.investidor10_records import Investidor10Etf, Investidor10Fund, Investidor10Share
from pregao.scrapers.builtin.investing_history import HistoryRow
from pregao.scrapers.builtin.statusinvest_records import StatusInvestFund, StatusInvestQuote, StatusInvestShare

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "scrapers.md"


@pytest.mark.parametrize(
    ("section", "record"),
    [
        ("Status Invest", StatusInvestShare),
        ("Status Invest", StatusInvestFund),
        ("Status Invest", StatusInvestQuote),
        ("Fundamentus", FundamentusShare),
        ("Fundamentus", FundamentusFund),
        ("Investidor10", Investidor10Share),
        ("Investidor10", Investidor10Fund),
        ("Investidor10", Investidor10Etf),
        ("Investing.com", HistoryRow),
    ],
)
def test_every_field_of_a_record_is_documented(section: str, record: type) -> None:
    text = DOCUMENT.read_text().partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    documented = set(re.findall(r"\w+", text))
    # Results of two periods share an entry; the day of a row is shown as `date`.
    named = {re.sub("_(12m|3m)$", "", field.name) for field in fields(record)} - {"day"}
    assert named - documented == set()
