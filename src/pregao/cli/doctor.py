"""`pregao doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

import asyncio

import msgspec
import typer

from pregao.cli.session import print_json, print_table
from pregao.settings import Settings

MARKS = {"ok": "ok", "warning": "WARNING", "error": "ERROR"}


def diagnose(as_json: bool) -> None:
    """Print every finding; exit 1 when one of them is an error."""
    from loguru import logger

    from pregao.doctor import examine

    logger.remove()  # what is found is told in the table, once
    findings = asyncio.run(examine(Settings.load()))
    if as_json:
        print_json([msgspec.structs.asdict(finding) for finding in findings])
    else:
        rows = [[MARKS[f.state], f.subject, f.detail, f.cure or "-"] for f in findings]
        print_table(["state", "subject", "found", "what to do"], rows)
    if any(finding.state == "error" for finding in findings):
        raise typer.Exit(1)
