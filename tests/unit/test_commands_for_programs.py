"""Every command can be read by a program, and every command is documented."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from pregao.api import problems as api_problems
from pregao.cli.main import app, run
from pregao.cli.problem import WaitTimedOut, problem_document, tell, wants_json
from pregao.domain import errors
from pregao.domain.errors import (
    EngineError,
    IllegalTransition,
    InvalidInput,
    JobNotFound,
    PregaoError,
    QueueFull,
    QueueUnavailable,
    StoreError,
)
from pregao.settings import Settings

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "cli.md"
RUNS_UNTIL_STOPPED = "it runs until it is stopped, and what it says are log lines"
WITHOUT_JSON = {
    "up": RUNS_UNTIL_STOPPED,
    "scheduler": RUNS_UNTIL_STOPPED,
    "worker": RUNS_UNTIL_STOPPED,
    "recorder": RUNS_UNTIL_STOPPED,
    "api": RUNS_UNTIL_STOPPED,
}


def commands() -> Iterator[tuple[str, Any]]:
    """Every command with its words, hidden ones included."""

    def walk(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
        below = getattr(command, "commands", None)
        if below is None:
            yield " ".join(words), command
            return
        for name, child in below.items():
            yield from walk(child, (*words, name))

    yield from walk(typer.main.get_command(app), ())


COMMANDS = dict(commands())


def test_the_walk_finds_commands_of_every_group() -> None:
    assert {"up", "env", "jobs list", "queue status", "schedules check", "top", "doctor"} <= COMMANDS.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_answers_json_or_has_a_reason_not_to(name: str) -> None:
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    assert ("--json" in options) != (name in WITHOUT_JSON), WITHOUT_JSON.get(name, "give it --json")


def test_no_reason_is_given_for_a_command_that_is_gone() -> None:
    assert WITHOUT_JSON.keys() <= COMMANDS.keys()


@pytest.mark.parametrize("name", [name for name, command in COMMANDS.items() if not command.hidden])
def test_every_command_and_each_of_its_options_is_documented(name: str) -> None:
    found = re.search(rf"^\| `{re.escape(name)}[ `].*$", DOCUMENT.read_text(), re.MULTILINE)
    assert found is not None, f"docs/cli.md has no row for `{name}`"
    for parameter in COMMANDS[name].params:
        for option in parameter.opts:
            if option.startswith("--") and option not in ("--json", "--help"):
                assert f"`{option}" in found[0], f"docs/cli.md does not tell of {name} {option}"


def test_the_document_tells_of_no_command_that_is_gone() -> None:
    told = re.findall(r"^\| `([a-z ]+?)[` ](?=[` A-Z[<-]|\|)", DOCUMENT.read_text(), re.MULTILINE)
    assert {name.strip() for name in told} <= COMMANDS.keys()


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["jobs", "list", "--json"], True),
        (["--json", "jobs"], True),
        (["jobs", "list"], False),
        (["jobs", "create", "B3", "--", "--json"], False),
        ([], False),
    ],
)
def test_json_is_wanted_when_the_command_line_says_so(words: list[str], wanted: bool) -> None:
    assert wants_json(words) is wanted


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (InvalidInput("page", 0, "is too small", "use 1 or more"), "invalid-input", 2),
        (JobNotFound("42"), "job-not-found", 1),
        (IllegalTransition("42", "running", "retried"), "illegal-transition", 1),
        (QueueUnavailable(), "queue-unavailable", 1),
        (QueueFull(), "queue-full", 1),
        (WaitTimedOut(), "wait-timed-out", 2),
        (EngineError(), "engine", 1),
        (StoreError(), "failed", 1),
    ],
)
def test_an_error_is_a_problem_document_on_one_line_of_stderr(
    error: PregaoError, kind: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tell(error, as_json=True) == code
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    document = json.loads(err)
    assert (document["type"], document["exit_code"]) == (f"urn:pregao:problem:{kind}", code)
    assert document["title"]
    assert document["detail"] == str(error)


def test_bad_input_names_field_value_problem_and_fix() -> None:
    document = problem_document(InvalidInput("page", 0, "is too small", "use 1 or more"), 2)
    assert document["errors"] == [{"field": "page", "value": 0, "problem": "is too small", "fix": "use 1 or more"}]


def test_bad_settings_are_told_all_at_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("API_PORT", "x")
    monkeypatch.setenv("PREGAO_LEASE_MS", "1")
    with pytest.raises(SystemExit) as ended:
        run(["env", "--json"])
    assert ended.value.code == 2
    document = json.loads(capsys.readouterr().err)
    assert [one["field"] for one in document["errors"]] == ["PREGAO_LEASE_MS", "API_PORT"]


def test_without_json_an_error_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert tell(QueueUnavailable(), as_json=False) == 1
    assert capsys.readouterr().err.startswith("error: Redis cannot be reached")


def test_kinds_are_those_of_the_api() -> None:
    for known, (kind, _, _) in api_problems._UNAVAILABLE.items():
        error = known()
        assert isinstance(error, PregaoError)
        assert problem_document(error, 1)["type"] == f"urn:pregao:problem:{kind}"


def test_only_errors_that_say_nothing_closer_are_told_as_a_mere_failure() -> None:
    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, PregaoError)]
    vague = set()
    for known in classes:
        error = known.__new__(known)
        vars(error).update(dict.fromkeys(("field", "value", "problem", "fix", "job_id", "status"), "x"))
        if problem_document(error, 1)["type"].endswith(":failed"):
            vague.add(known.__name__)
    assert vague == {"PregaoError", "QueueError", "LeaseLost", "StoreError", "ScrapeError"}


def test_env_refuses_options_that_contradict_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(["env", "--json", "--export"])
    assert ended.value.code == 2
    assert "leave one of them out" in capsys.readouterr().err


def test_a_usage_error_is_told_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(["jobs", "list", "--nonsense", "--json"])
    assert ended.value.code == 2
    assert "No such option: --nonsense" in capsys.readouterr().err


def test_the_settings_that_a_command_reads_are_those_of_the_environment(tmp_path: Path) -> None:
    assert Settings.load(None, environ={"API_PORT": "1", "X": "2"}, ignoring={"API_PORT"}).api_port == 3000
