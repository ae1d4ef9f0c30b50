"""The prompt for a ticker, the prices, and the month of the budget."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.ai import prompt
from pregao.scrapers.ai.answer import Usage
from pregao.scrapers.ai.budget import month_of
from pregao.scrapers.ai.prices import cost_usd
from pregao.scrapers.stored import StoredResult
from pregao.settings import InvalidSettings, Settings

NOON = datetime(2026, 10, 5, 15, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory without a configuration."""
    monkeypatch.chdir(tmp_path)


def result(data: Any, scraper: str = "B3") -> StoredResult:
    return StoredResult(scraper, NOON, data)


def described(data: Any) -> str:
    return prompt.describe_results([result(data)])[0]


# --- the template


def test_the_template_that_is_shipped_has_every_field() -> None:
    template = prompt.read_template(None)
    assert all(f"{{{{{field}}}}}" in template for field in prompt.FIELDS)
    filled = prompt.fill(template, dict.fromkeys(prompt.FIELDS, "X"))
    assert "{{" not in filled
    assert "recomendação de investimento" in filled


def test_a_template_in_the_configuration_is_used() -> None:
    Path("config").mkdir()
    Path("config/ai_prompt.txt").write_text("Analise {{ ticker }}.", encoding="utf-8")
    assert prompt.read_template(None) == "Analise {{ ticker }}."


def test_a_template_that_was_chosen_wins(tmp_path: Path) -> None:
    chosen = tmp_path / "own.txt"
    chosen.write_text("É {{ticker}}? R$ 10 {a} $x", encoding="utf-8")
    assert prompt.fill(prompt.read_template(chosen), {"ticker": "PETR4"}) == "É PETR4? R$ 10 {a} $x"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file"),
        (b"{{preco}}", "{{preco}} is not a field; use ticker, company, today, results"),
        (b"{{}}", "{{}} is not a field"),
        (b"\xff\xfe", "decode"),
        (b"x" * 70_000, "larger than 65536 bytes"),
    ],
)
def test_a_template_that_cannot_be_used_says_why_and_where(tmp_path: Path, content: bytes | None, why: str) -> None:
    chosen = tmp_path / "own.txt"
    if content is not None:
        chosen.write_bytes(content)
    with pytest.raises(ScrapeError) as caught:
        prompt.read_template(chosen)
    assert caught.value.failure_class is FailureClass.PERMANENT
    assert why in str(caught.value)
    assert f"{chosen} cannot be used (PREGAO_AI_PROMPT)" in str(caught.value)


def test_what_is_filled_in_is_not_filled_in_again() -> None:
    filled = prompt.fill("{{results}}", {"results": "manchete com {{ticker}}", "ticker": "PETR4"})
    assert filled == "manchete com {{ticker}}"


def test_a_template_without_results_does_without_them() -> None:
    assert prompt.wants_results("{{ results }}")
    assert not prompt.wants_results("{{ticker}}")


# --- the results in it


def test_a_result_is_shown_with_its_scraper_and_time_and_without_what_is_missing() -> None:
    assert described({"price": 30.1, "bid": None, "as_of": "2026-10-05"}) == (
        '## B3, coletado em 2026-10-05T12:00:00.000-03:00\n{"price":30.1,"as_of":"2026-10-05"}'
    )


def test_long_lists_and_texts_are_cut_and_say_so() -> None:
    text = described({"items": [{"title": "x" * 3000}] * 50})
    assert "… e mais 45" in text
    assert "x" * 201 not in text
    assert len(text.encode()) < prompt.RESULT_BYTES + 200


def test_a_result_that_stays_large_is_cut_in_the_middle_of_a_letter_at_worst() -> None:
    text = described({f"chave {number}": "é" * 300 for number in range(80)})
    assert len(text.encode()) <= prompt.RESULT_BYTES + 200


def test_a_result_that_was_too_large_to_read_says_so() -> None:
    assert "grande demais" in described(None)


def test_no_more_results_are_shown_than_have_room_and_those_are_named() -> None:
    big = {f"chave {number}": "y" * 300 for number in range(80)}
    results = [result(big, f"Scraper {number}") for number in range(12)]
    text, used = prompt.describe_results(results)
    assert len(text.encode()) <= prompt.ALL_RESULTS_BYTES
    assert 4 <= len(used) < 12
    assert [shown.scraper for shown in used] == [f"Scraper {number}" for number in range(len(used))]


def test_nothing_stored_is_no_text() -> None:
    assert prompt.describe_results([]) == ("", [])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@given(st.lists(JSON, max_size=15))
def test_any_results_are_shown_within_their_bounds(data: list[Any]) -> None:
    text, used = prompt.describe_results([result(each) for each in data])
    assert len(text.encode()) <= prompt.ALL_RESULTS_BYTES
    assert len(used) <= len(data)


def test_a_result_nested_without_end_is_cut() -> None:
    nested: Any = "x"
    for _ in range(200):
        nested = {"a": [nested]}
    assert len(described(nested)) < 300


# --- prices


USAGE = Usage("gpt-4o-2024-08-06", prompt=1_000_000, completion=100_000, thoughts=0, total=1_100_000)


@pytest.mark.parametrize(
    ("model", "cost"),
    [
        ("gpt-4o", 3.5),
        ("gpt-4o-2024-08-06", 3.5),
        ("gpt-4o-mini", 0.21),
        ("gemini-2.5-flash", 0.55),
        ("gpt-4o-audio-preview", None),
        ("gemini-3.5-flash", None),
        ("", None),
    ],
)
def test_an_answer_costs_what_its_model_does_and_an_unknown_one_nobody_knows_what(
    model: str, cost: float | None
) -> None:
    assert cost_usd(Usage(model, 1_000_000, 100_000, 0, 1_100_000), {}) == cost


def test_thinking_is_paid_as_output() -> None:
    assert cost_usd(Usage("gemini-2.5-flash", 0, 0, 1_000_000, 1_000_000), {}) == 2.5


def test_own_prices_win_over_ours_and_price_what_we_do_not_know() -> None:
    own = {"gpt-4o": (1.0, 0.0), "gemini-3.5-flash": (0.0, 0.0)}
    assert cost_usd(USAGE, own) == 1.0
    assert cost_usd(Usage("gemini-3.5-flash", 5, 5, 5, 15), own) == 0.0


def test_prices_are_a_setting() -> None:
    settings = Settings.load(None, environ={"PREGAO_AI_PRICES": " gpt-x = 2.5/10, o4=0/1 ,"})
    assert settings.ai_prices == {"gpt-x": (2.5, 10.0), "o4": (0.0, 1.0)}


@pytest.mark.parametrize("value", ["gpt-4o", "gpt-4o=1", "gpt-4o=1/x", "gpt-4o=-1/2", "=1/2", "gpt 4o=1/2", "a=nan/1"])
def test_prices_in_another_form_are_refused_with_an_example(value: str) -> None:
    with pytest.raises(InvalidSettings, match=r"PREGAO_AI_PRICES.*for example gpt-4o"):
        Settings.load(None, environ={"PREGAO_AI_PRICES": value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PREGAO_AI_BUDGET_USD", "-1"),
        ("PREGAO_AI_BUDGET_USD", "inf"),
        ("PREGAO_AI_MAX_TOKENS", "1"),
        ("PREGAO_CHATGPT_MODEL", "gpt-4o/../x"),
        ("PREGAO_GEMINI_MODEL", "modelo ruim"),
    ],
)
def test_bad_settings_of_the_models_are_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(InvalidSettings, match=name):
        Settings.load(None, environ={name: value})


# --- the budget's month


@pytest.mark.parametrize(
    ("moment", "first", "following"),
    [
        ("2026-10-05T15:00:00+00:00", "2026-10-01T00:00:00-03:00", "2026-11-01T00:00:00-03:00"),
        ("2026-11-01T02:59:59+00:00", "2026-10-01T00:00:00-03:00", "2026-11-01T00:00:00-03:00"),
        ("2026-11-01T03:00:00+00:00", "2026-11-01T00:00:00-03:00", "2026-12-01T00:00:00-03:00"),
        ("2026-12-31T23:00:00-03:00", "2026-12-01T00:00:00-03:00", "2027-01-01T00:00:00-03:00"),
    ],
)
def test_a_month_is_one_of_sao_paulo(moment: str, first: str, following: str) -> None:
    found = month_of(datetime.fromisoformat(moment))
    assert [edge.isoformat() for edge in found] == [first, following]
