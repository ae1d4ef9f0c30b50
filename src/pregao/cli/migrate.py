"""`pregao migrate`: bring the database to this version's tables."""

from __future__ import annotations

import asyncio

import typer

from pregao.cli.session import print_json, quiet
from pregao.settings import Settings


def migrate(*, as_json: bool) -> None:
    """Apply what is missing, and print what was done. Raises StoreUnavailable and MigrationMismatch."""
    from pregao.store import migrations

    quiet("ERROR")
    applied = asyncio.run(migrations.migrate(Settings.load().resolve_database_url()))
    if as_json:
        print_json({"applied": applied})
        return
    for name in applied:
        typer.echo(f"applied {name}")
    if not applied:
        typer.echo("nothing to apply: the database is up to date")
