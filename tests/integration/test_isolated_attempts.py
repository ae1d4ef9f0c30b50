"""One attempt in a process of its own: what a scraper gets, and what becomes of what it returns, raises or does."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.isolating import MISBEHAVING, Attempts, isolating

from pregao.attempt.outcome import Completed, Failed, Killed
from pregao.domain.failure import FailureClass


@pytest.fixture
async def attempt() -> AsyncIterator[Attempts]:
    async with isolating() as attempts:
        yield attempts


async def test_each_attempt_has_a_process_a_session_and_a_temporary_directory_of_its_own(attempt: Attempts) -> None:
    first, second = await attempt.data("Surroundings", None), await attempt.data("Surroundings", None)
    assert first["pid"] != second["pid"] != os.getpid()
    assert first["session"] == first["pid"]
    assert first["parent"] == attempt.zygote_pid()
    assert first["temporary"] != second["temporary"]
    assert first["threads"] == 1
    assert first["random"] != second["random"], "copies of one process must not draw the same numbers"


async def test_its_directory_is_the_working_directory_and_the_first_place_of_imports(attempt: Attempts) -> None:
    data = await attempt.data("Surroundings", None)
    assert (data["directory"], data["first_import_path"]) == (str(MISBEHAVING), str(MISBEHAVING))


async def test_what_it_leaves_among_the_temporary_files_is_removed(attempt: Attempts) -> None:
    data = await attempt.data("Surroundings", None)
    assert data["environment"]["TMPDIR"] == data["temporary"]
    assert not Path(data["temporary"]).exists()


async def test_it_is_the_first_to_go_when_memory_is_short_and_never_in_the_way_of_the_worker(attempt: Attempts) -> None:
    data = await attempt.data("Surroundings", None)
    assert (data["oom_score_adj"], data["nice"]) == ("1000", os.nice(0) + 5)
    assert data["name"] == "SurroundingsScr", "ps shows whose process it is"


async def test_it_gets_the_environment_that_it_is_given_and_nothing_else() -> None:
    async with isolating({"FRED_API_KEY": "key"}) as attempt:
        environment = (await attempt.data("Surroundings", None))["environment"]
    assert environment["FRED_API_KEY"] == "key"
    assert environment["OPENBLAS_NUM_THREADS"] == "1"
    assert "1-1" in environment["PREGAO_ATTEMPT"]
    assert "HOME" not in environment


@pytest.mark.parametrize("argument", ["PETR4", "  preço da Petrobras?\n petr4 ", "", "x" * 300_000, "😀"])
async def test_the_argument_arrives_exactly_as_it_was_given(attempt: Attempts, argument: str) -> None:
    assert (await attempt.data("Inherited", argument))["ticker"] == argument


async def test_an_inherited_browser_that_plain_http_never_uses_is_not_started(attempt: Attempts) -> None:
    outcome = await attempt("Inherited", initialize="auto")
    assert isinstance(outcome, Completed)
    assert outcome.footprint.logs is None


async def test_primitives_that_a_class_made_when_it_was_loaded_work_in_every_attempt(attempt: Attempts) -> None:
    for _ in range(3):
        assert await attempt.data("SharedGate") == {"passed": 3}


async def test_odd_values_of_a_result_become_json_and_are_listed(attempt: Attempts) -> None:
    outcome = await attempt("OddResults", "nan")
    assert isinstance(outcome, Completed)
    assert outcome.data == {"p_l": None, "roe": [None, 1.5]}
    assert outcome.metadata["sanitised"] == ["$.p_l", "$.roe[0]", "metadata.growth"]
    assert (await attempt.data("OddResults", "types")) == {
        "at": "2026-01-02T03:04:00",
        "day": "2026-01-02",
        "price": 12.34,
    }


async def test_a_result_may_be_a_dict(attempt: Attempts) -> None:
    outcome = await attempt("OddResults", "dict")
    assert isinstance(outcome, Completed)
    assert (outcome.data, outcome.metadata, outcome.source) == ({"p_l": 5.1}, {"page": 2}, "MISBEHAVING")
    failed = await attempt("OddResults", "failed dict")
    assert isinstance(failed, Failed)
    assert failed.failure.message == "no such paper"


async def test_results_up_to_five_mib_travel(attempt: Attempts) -> None:
    data = await attempt.data("OddResults", "4.9")
    assert len(data["value"]) == int(4.9 * 1024 * 1024)


@pytest.mark.parametrize(
    ("what", "failure_class", "text"),
    [
        ("5.1", FailureClass.VALIDATION, "the result is 5.1 MiB of JSON"),
        ("shapeless", FailureClass.BUG, "scrape() returned a object without success, data, error"),
        ("nothing", FailureClass.BUG, "scrape() returned a NoneType without success, data, error"),
        ("no JSON", FailureClass.VALIDATION, "object"),
    ],
)
async def test_what_is_no_result_fails_with_the_reason(
    attempt: Attempts, what: str, failure_class: FailureClass, text: str
) -> None:
    outcome = await attempt("OddResults", what)
    assert isinstance(outcome, Failed)
    assert outcome.failure.failure_class is failure_class
    assert not outcome.failure.retryable
    assert text in outcome.failure.message


async def test_an_exception_fails_the_attempt_and_leaves_its_traceback_in_the_log(
    attempt: Attempts, tmp_path: Path
) -> None:
    outcome = await attempt("Diary", f"raise:{tmp_path / 'diary'}")
    assert isinstance(outcome, Failed)
    assert outcome.failure.message == "ValueError: the page has no table"
    assert (tmp_path / "diary").read_text().split() == ["scrape", "cleanup", "cleaned"]
    assert outcome.footprint.logs is not None
    assert "diary_scraper.py" in outcome.footprint.logs


async def test_an_initialize_that_raises_fails_the_attempt_and_is_cleaned_up(tmp_path: Path) -> None:
    async with isolating({"INITIALIZE": "raise", "DIARY": str(tmp_path / "diary")}) as attempt:
        outcome = await attempt("Initialize")
    assert isinstance(outcome, Failed)
    assert outcome.failure.failure_class is FailureClass.NETWORK
    assert outcome.failure.message == "ConnectionError: the session server is away"
    assert (tmp_path / "diary").read_text() == "cleanup"


async def test_an_exit_is_a_bug_of_the_scraper_like_any_other(attempt: Attempts) -> None:
    outcome = await attempt("Crashing", "sys.exit")
    assert isinstance(outcome, Failed)
    assert outcome.failure.failure_class is FailureClass.BUG
    assert outcome.failure.message == "SystemExit: 3"


@pytest.mark.parametrize(
    ("how", "signal", "text"),
    [
        ("segfault", "SIGSEGV", "the scraper's process was ended by SIGSEGV (a segmentation fault)"),
        ("abort", "SIGABRT", "the scraper's process was ended by SIGABRT (it aborted)"),
        ("os._exit", None, "the scraper's process ended with exit code 3 before it gave a result"),
        ("SIGKILL", "SIGKILL", "the scraper's process was ended by SIGKILL"),
    ],
)
async def test_a_process_that_dies_is_killed_with_the_story(
    attempt: Attempts, how: str, signal: str | None, text: str
) -> None:
    outcome = await attempt("Crashing", how)
    assert isinstance(outcome, Killed)
    assert outcome.story.startswith(text)
    assert outcome.footprint.exit_signal == signal
    assert outcome.footprint.logs is not None
    assert outcome.footprint.logs.startswith(f"about to go by {how}\n")


async def test_a_crash_names_the_line_and_leaves_the_stack_in_the_log(attempt: Attempts) -> None:
    outcome = await attempt("Crashing", "segfault")
    assert isinstance(outcome, Killed)
    assert f"at {MISBEHAVING / 'scrapers' / 'crashing_scraper.py'}:" in outcome.story
    assert "Fatal Python error: Segmentation fault" in (outcome.footprint.logs or "")


async def test_a_crash_costs_nobody_else(attempt: Attempts) -> None:
    zygote = None
    for _ in range(3):
        assert isinstance(await attempt("Crashing", "segfault"), Killed)
        assert await attempt.data("SharedGate") == {"passed": 3}
        assert zygote in (None, attempt.zygote_pid())
        zygote = attempt.zygote_pid()


@pytest.mark.parametrize("how", ["exit", "stop"])
async def test_a_background_task_that_ends_the_loop_fails_the_attempt(attempt: Attempts, how: str) -> None:
    outcome = await attempt("Background", how)
    assert isinstance(outcome, Failed)
    assert outcome.failure.message.startswith("SystemExit: 4" if how == "exit" else "RuntimeError: Event loop stopped")


async def test_a_background_task_that_raises_changes_nothing(attempt: Attempts) -> None:
    assert await attempt.data("Background", "raise") == {"how": "raise"}


async def test_a_forked_copy_that_returns_as_well_says_nothing(attempt: Attempts) -> None:
    assert await attempt.data("ForkedCopy") == {"copy": False}


async def test_a_scraper_that_closes_our_descriptors_costs_its_own_attempt(attempt: Attempts) -> None:
    outcome = await attempt("Closing")
    assert isinstance(outcome, Failed | Killed)
    assert await attempt.data("SharedGate") == {"passed": 3}


@pytest.mark.parametrize("words", ["raising cleanup", "dying cleanup"])
async def test_a_cleanup_that_fails_or_dies_does_not_lose_the_result(
    attempt: Attempts, tmp_path: Path, words: str
) -> None:
    outcome = await attempt("Diary", f"{words}:{tmp_path / 'diary'}")
    assert isinstance(outcome, Completed)
    assert (tmp_path / "diary").read_text().split() == ["scrape", "cleanup"]


async def test_a_class_that_does_not_load_fails_its_own_attempts(attempt: Attempts) -> None:
    outcome = await attempt("Missing")
    assert isinstance(outcome, Failed)
    assert outcome.failure.failure_class is FailureClass.BUG
    assert "No module named 'scrapers.missing_scraper'" in outcome.failure.message


async def test_memory_and_cpu_time_are_known_of_every_attempt(attempt: Attempts) -> None:
    outcome: Any = await attempt("SharedGate")
    assert 5 < outcome.footprint.peak_memory_mb < 500
    assert 0 < outcome.footprint.cpu_seconds < 5
