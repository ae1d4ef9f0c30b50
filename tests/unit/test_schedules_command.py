"""`pregao schedules`: list, next and check."""

import json
from pathlib import Path

import pytest
from tests.foreign import directory
from typer.testing import CliRunner, Result

from pregao.cli.schedules import app

SOUND = "schedules:\n  rates: {scraper: bcb, type: cron, hour: 10, minute: 30, tickers: [SELIC, USD]}\n"
BROKEN = SOUND + "  bad: {scraper: B3, type: interval, minute: 5}\n  worse: {scraper: B3, type: cron, hour: 25}\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "schedules.yaml"
    path.write_text(SOUND)
    return path


def pregao(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_check_of_a_sound_file_exits_0(path: Path) -> None:
    result = pregao("check", path)
    assert (result.exit_code, "1 sound schedule, 0 errors, 0 warnings" in result.stdout) == (0, True)


def test_check_shows_every_error_at_once_and_exits_1(path: Path) -> None:
    path.write_text(BROKEN)
    result = pregao("check", path)
    assert result.exit_code == 1
    assert f"{path}:3: schedule bad: minute: '5'" in result.stdout
    assert f"{path}:4: schedule worse: hour: '25'" in result.stdout


@pytest.mark.parametrize("text", ["schedules: [", ""])
def test_check_of_a_file_that_cannot_be_read_exits_1(path: Path, text: str) -> None:
    path.write_text(text)
    result = pregao("check", path)
    assert result.exit_code == 1
    assert f"error: {path}:1" in result.stdout
    assert "0 sound schedules, 1 error, 0 warnings" in result.stdout


def test_check_of_a_missing_file_speaks_of_that_file_alone(path: Path) -> None:
    path.unlink()
    result = pregao("check", path)
    assert result.exit_code == 1
    assert f"error: {path}: does not exist; check the path" in result.stdout
    assert "PREGAO_SCHEDULES" not in result.stdout


def test_a_missing_file_of_the_settings_names_the_setting(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.unlink()
    monkeypatch.setenv("PREGAO_SCHEDULES", str(path))
    assert "PREGAO_SCHEDULES" in str(pregao("list").exception)


def test_check_says_which_scraper_was_meant(path: Path) -> None:
    path.write_text("schedules:\n  a: {scraper: BCBB, type: cron, hour: 1}\n")
    stdout = pregao("check", path).stdout
    assert "schedule a does not fire here: its scraper 'BCBB' is not installed; did you mean BCB?" in stdout


def test_check_warns_of_a_date_in_the_past(path: Path) -> None:
    path.write_text('schedules:\n  a: {scraper: BCB, type: date, run_date: "2025-11-07T15:30:00"}\n')
    result = pregao("check", path)
    assert (result.exit_code, "0 errors, 1 warning\n" in result.stdout) == (0, True)
    assert f"warning: {path}:2: schedule a: run_date: '2025-11-07T15:30:00' is in the past" in result.stdout


@pytest.mark.parametrize("moment", ["run_date: '9999-12-31T23:59:59'", "start_date: 0001-01-01, hour: 9"])
def test_check_of_a_moment_at_the_ends_of_time_is_a_problem_and_no_crash(path: Path, moment: str) -> None:
    kind = "date" if moment.startswith("run") else "cron"
    path.write_text(f"schedules:\n  a: {{scraper: BCB, type: {kind}, {moment}}}\n")
    assert "is out of range; write a year from 2000 to 2200" in pregao("check", path).stdout


def test_check_can_answer_in_json(path: Path) -> None:
    path.write_text(BROKEN)
    report = json.loads(pregao("check", path, "--json").stdout)
    assert [(found["schedule"], found["field"], found["line"]) for found in report["problems"]] == [
        ("bad", "minute", 3),
        ("worse", "hour", 4),
    ]


def test_list_shows_rule_and_next_firing(path: Path) -> None:
    (row,) = json.loads(pregao("list", "--file", path, "--json").stdout)["schedules"]
    assert (row["name"], row["trigger"], row["state"]) == ("rates", "cron minute=30 hour=10", "scheduled")
    assert "T10:30:00" in row["next_run_time"]


def test_list_counts_one_job_for_a_schedule_without_tickers(path: Path) -> None:
    path.write_text("schedules:\n  a: {scraper: BCB, type: interval, days: 1, priority: low}\n")
    row = next(line for line in pregao("list", "--file", path).stdout.splitlines() if "every day" in line)
    assert "│ 1 " in row


def test_list_shows_the_sound_schedules_of_a_broken_file_and_exits_1(path: Path) -> None:
    path.write_text(BROKEN)
    result = pregao("list", "--file", path)
    assert result.exit_code == 1
    assert "rates" in result.stdout
    assert "schedule worse" in result.stderr


def test_next_shows_as_many_firings_as_asked(path: Path) -> None:
    firings = json.loads(pregao("next", "rates", "-n", "3", "--file", path, "--json").stdout)
    assert [firing["schedule"] for firing in firings] == ["rates"] * 3
    assert firings == sorted(firings, key=lambda firing: firing["fire_time"])


def test_next_of_an_unknown_schedule_names_the_known_ones(path: Path) -> None:
    result = pregao("next", "rate", "--file", path)
    assert result.exception is not None
    assert "known are rates" in str(result.exception)


def test_next_says_why_a_schedule_does_not_fire(path: Path) -> None:
    path.write_text("schedules:\n  a: {scraper: Nobody, type: cron, hour: 1}\n")
    assert "its scraper 'Nobody' is not installed" in pregao("next", "a", "--file", path).stderr


UNCONFIGURED = "schedules:\n  a: {scraper: Keyed, type: cron, hour: 1}\n  b: {scraper: Nobody, type: cron, hour: 1}\n"


@pytest.fixture
def keyed(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PREGAO_SCRAPERS", "tests.sample_scrapers:Keyed")
    path.write_text(UNCONFIGURED)
    return path


def test_a_schedule_without_its_key_says_what_to_set(keyed: Path) -> None:
    rows = json.loads(pregao("list", "--file", keyed, "--json").stdout)["schedules"]
    assert [(row["state"], row["next_run_time"]) for row in rows] == [
        ("not configured: set SAMPLE_API_KEY", None),
        ("no scraper", None),
    ]
    assert "its scraper 'Keyed' is not configured: set SAMPLE_API_KEY" in pregao("next", "a", "--file", keyed).stderr
    assert "schedule a does not fire here: its scraper 'Keyed' is not configured: set" in pregao("check", keyed).stdout
    report = json.loads(pregao("check", keyed, "--json").stdout)
    assert (report["no_scraper"], list(report["not_configured"]), report["not_loaded"]) == (["b"], ["a"], {})


def test_a_schedule_of_an_unknown_scraper_is_an_error_of_the_check_with_a_suggestion(path: Path) -> None:
    path.write_text("schedules:\n  a: {scraper: BCBB, type: cron, hour: 1}\n  b: {scraper: BCB, type: cron, hour: 1}\n")
    done = pregao("check", path)
    assert done.exit_code == 1
    assert "error: schedule a does not fire here: its scraper 'BCBB' is not installed; did you mean BCB?" in done.stdout
    assert done.stdout.rstrip().endswith(": 1 sound schedule, 1 error, 0 warnings")


def test_a_schedule_with_its_key_fires(keyed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMPLE_API_KEY", "hush")
    assert len(json.loads(pregao("next", "a", "--file", keyed, "--json").stdout)) == 10


def test_a_schedule_whose_scraper_never_loaded_says_where_it_is_broken(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = directory(tmp_path / "own", {"torn.py": "class Torn:\n    def scrape(:\n"})
    monkeypatch.setenv("SCRAPERS_PATH", str(folder))
    monkeypatch.setenv("PREGAO_HOME", str(tmp_path / "home"))
    path.write_text("schedules:\n  a: {scraper: Torn, type: cron, hour: 1}\n")

    report = json.loads(pregao("check", path, "--json").stdout)
    (row,) = json.loads(pregao("list", "--file", path, "--json").stdout)["schedules"]

    assert (report["not_configured"], report["no_scraper"]) == ({}, [])
    assert f"not loaded: {folder}/scrapers/torn.py:2: SyntaxError" in report["not_loaded"]["a"]
    assert row["state"] == report["not_loaded"]["a"]
