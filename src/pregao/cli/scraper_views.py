"""How `pregao scrapers` shows what it found: tables and text for people, documents for programs."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import typer

from pregao.attempt.outcome import Completed
from pregao.cli.scraper_gates import Look
from pregao.cli.session import console, print_table, shown
from pregao.scrapers.discovery import LoadProblem
from pregao.scrapers.entry import Entry
from pregao.scrapers.registry import Registry
from pregao.worker.once import Run

WIDE = 140
NESTED_LINES = 40
LOG_LINES = 20
_EMPTY: tuple[object, ...] = (None, "", [], {})


def list_document(registry: Registry, held: Look) -> dict[str, Any]:
    """Everything that the registry knows, and what holds back the jobs of each."""
    return {
        "scrapers": [{**_entry_document(entry), **held.document(entry.name)} for entry in registry.entries()],
        "hidden": [_entry_document(entry) for entry in registry.hidden],
        "problems": [_problem_document(problem) for problem in registry.problems],
    }


def print_list(registry: Registry, held: Look) -> None:
    """A row for each scraper, then what is held back, what is odd, and what did not load."""
    headings = ["name", "module", "class", "source", "transport", "needs login", "executor", "file"]
    # On a narrow terminal eight columns leave none room to fold into.
    folded = len(headings) - 1 if console().width >= WIDE else None
    print_table(headings, [_entry_cells(entry) for entry in registry.entries()], folded=folded)
    held.show()
    for entry in registry.hidden:
        typer.echo(f"note: {entry.name} ({entry.module}) gives way to your own scraper of that name")
    for entry in registry.entries():
        if entry.missing:
            typer.echo(f"note: {entry.name} is {entry.missing_configuration}")
    _print_problems(registry.problems)


def run_document(entry: Entry, argument: str | None, run: Run) -> dict[str, Any]:
    """One run, with the whole result and the logs."""
    outcome = run.outcome
    known = {
        "scraper": entry.name,
        "argument": argument,
        "success": isinstance(outcome, Completed),
        "seconds": round(run.seconds, 3),
        "response_time": outcome.response_time_seconds,
        "source": outcome.source,
        "metadata": outcome.metadata,
        "logs": run.logs,
    }
    if isinstance(outcome, Completed):
        return {**known, "data": outcome.data, "error": None, "error_class": None, "retryable": None}
    problem = outcome.failure
    return {
        **known,
        "data": None,
        "error": problem.message,
        "error_class": problem.failure_class.value,
        "retryable": problem.retryable,
    }


def print_run(entry: Entry, argument: str | None, run: Run) -> None:
    """One run: how it ended, its data, and what it logged."""
    what = f"{entry.name} {argument or ''}".strip()
    outcome = run.outcome
    if isinstance(outcome, Completed):
        source = f", source {outcome.source}" if outcome.source else ""
        typer.echo(f"{what}: completed in {run.seconds:.2f} s{source}")
        _print_data(outcome.data)
    else:
        problem = outcome.failure
        again = "a job would try again" if problem.retryable else "a job would not try again"
        typer.echo(f"{what}: failed in {run.seconds:.2f} s ({problem.failure_class.value}; {again})")
        typer.echo(problem.message)
    if outcome.metadata:
        _print_nested("metadata", outcome.metadata)
    lines = run.logs.splitlines()
    if lines:
        left_out = f", the last {LOG_LINES} of {len(lines)} lines" if len(lines) > LOG_LINES else ""
        typer.echo(f"\nlog{left_out}:")
        for line in lines[-LOG_LINES:]:
            typer.echo(f"  {line}")


def check_row(entry: Entry, argument: str | None, run: Run | None, *, enabled: bool = True) -> dict[str, Any]:
    """One line of a check; without a run for a scraper that is disabled or has no canary."""
    row: dict[str, Any] = {
        "name": entry.name,
        "argument": argument,
        "outcome": "no canary" if enabled else "disabled",
        "error_class": None,
        "error": None,
        "seconds": None,
        "filled": None,
        "fields": None,
    }
    if run is None:
        return row
    row["seconds"] = round(run.seconds, 3)
    if isinstance(run.outcome, Completed):
        row["outcome"] = "completed"
        row["filled"], row["fields"] = filled_fields(run.outcome.data)
    else:
        problem = run.outcome.failure
        row |= {"outcome": "failed", "error_class": problem.failure_class.value, "error": problem.message}
    return row


def check_document(rows: list[dict[str, Any]], problems: Sequence[LoadProblem]) -> dict[str, Any]:
    """A whole check."""
    return {"scrapers": rows, "problems": [_problem_document(problem) for problem in problems]}


def print_check(rows: list[dict[str, Any]], problems: Sequence[LoadProblem], disabled: Sequence[str]) -> None:
    """A row for each scraper, then what was not run, then what did not load. `disabled` tells who disabled each."""
    print_table(
        ["name", "argument", "outcome", "class", "seconds", "fields filled", "error"],
        [_check_cells(row) for row in rows],
    )
    idle = [row["name"] for row in rows if row["outcome"] == "no canary"]
    if idle:
        typer.echo(f"note: not run, since no argument with data is known (`canary`): {', '.join(idle)}")
    for told in disabled:
        typer.echo(f"note: not run: {told}")
    _print_problems(problems)


def filled_fields(data: Any) -> tuple[int, int]:
    """How many fields of a result have a value, and how many there are. A list counts its entries.

    >>> filled_fields({"price": 1.5, "name": "", "dividends": [], "zero": 0})
    (2, 4)
    """
    values = list(data.values()) if isinstance(data, dict) else data if isinstance(data, list) else [data]
    return sum(value not in _EMPTY for value in values), len(values)


def _check_cells(row: dict[str, Any]) -> list[object]:
    seconds = None if row["seconds"] is None else f"{row['seconds']:.2f}"
    filled = None if row["fields"] is None else f"{row['filled']}/{row['fields']}"
    return [row["name"], row["argument"], row["outcome"], row["error_class"], seconds, filled, row["error"]]


def _entry_cells(entry: Entry) -> list[object]:
    login = "yes" if entry.needs_login else "no"
    file = entry.file and (os.path.relpath(entry.file) if Path(entry.file).is_relative_to(Path.cwd()) else entry.file)
    place = file if entry.line is None else f"{file}:{entry.line}"
    return [
        entry.name, entry.module, entry.class_name, entry.source or None, entry.transport, login, entry.executor,
        place,
    ]  # fmt: skip


def _entry_document(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "module": entry.module,
        "class": entry.class_name,
        "source": entry.source or None,
        "transport": entry.transport,
        "needs_login": entry.needs_login,
        "executor": entry.executor,
        "takes_argument": entry.takes_argument,
        "canary": entry.canary,
        "missing": list(entry.missing),
        "file": entry.file,
        "line": entry.line,
        "directory": None if entry.directory is None else str(entry.directory),
    }


def _problem_document(problem: LoadProblem) -> dict[str, Any]:
    return {**msgspec.structs.asdict(problem), "names": list(problem.names)}


def _print_problems(problems: Sequence[LoadProblem]) -> None:
    for problem in problems:
        typer.echo(f"error: not loaded: {problem}", err=True)


def _print_data(data: Any) -> None:
    """The flat fields as a table, each nested one as JSON below it."""
    if not isinstance(data, dict):
        _print_nested("data", data)
        return
    nested = {name: value for name, value in data.items() if isinstance(value, dict | list) and value}
    flat = [[name, _cell(value)] for name, value in data.items() if name not in nested]
    if flat:
        print_table(["field", "value"], flat)
    for name, value in nested.items():
        _print_nested(name, value)


def _cell(value: Any) -> object:
    return shown(value) if value not in _EMPTY else "-"


def _print_nested(name: str, value: Any) -> None:
    lines = json.dumps(value, ensure_ascii=False, indent=2).splitlines()
    typer.echo(f"\n{name}:")
    for line in lines[:NESTED_LINES]:
        typer.echo(f"  {line[:400]}")
    if len(lines) > NESTED_LINES:
        typer.echo(f"  … {len(lines) - NESTED_LINES} more lines; --json shows all")
