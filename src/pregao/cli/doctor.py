"""`pregao doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import typer
from rich.table import Table
from rich.text import Text

from pregao.cli.session import apart, console, print_json, quiet
from pregao.doctor import Finding, examine_environment
from pregao.terminal import printable

MARKS = {"ok": "ok", "warning": "WARNING", "error": "ERROR"}
STYLES = {"ok": "green", "warning": "yellow", "error": "bold red"}


def diagnose(as_json: bool) -> None:
    """Print every finding; exit 1 when one of them is an error."""
    quiet("CRITICAL")  # what is found is told in the table, once
    findings = apart(examine_environment())
    if as_json:
        print_json([msgspec.structs.asdict(finding) for finding in findings])
    else:
        terminal = console()
        terminal.print(table(findings))
        terminal.print(summary(findings))
    if any(finding.state == "error" for finding in findings):
        raise typer.Exit(1)


def table(findings: Sequence[Finding]) -> Table:
    """One row a finding: how it is, what was looked at, what was found, and below it what to do."""
    rows = Table.grid(padding=(0, 2, 0, 0))
    rows.add_column(no_wrap=True)
    rows.add_column(no_wrap=True)
    rows.add_column(overflow="fold")
    for finding in findings:
        told = Text(printable(finding.detail))
        if finding.cure:
            told.append(f"\n→ {printable(finding.cure)}", style="cyan")
        rows.add_row(Text(MARKS[finding.state], style=STYLES[finding.state]), finding.subject, told)
    return rows


def summary(findings: Sequence[Finding]) -> Text:
    """How many are of which kind."""
    errors, warnings = (sum(finding.state == state for finding in findings) for state in ("error", "warning"))
    if not errors and not warnings:
        return Text("all is well", style=STYLES["ok"])
    told = f"{_counted(errors, 'error')}, {_counted(warnings, 'warning')}"
    return Text(told, style=STYLES["error" if errors else "warning"])


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
