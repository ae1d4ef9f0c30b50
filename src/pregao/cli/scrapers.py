"""`pregao scrapers`: the limits of each scraper, and who changed them."""

from __future__ import annotations

import typer

from pregao.cli.scraper_limits import audit, set_limits, show, unset

app = typer.Typer(help="Show and change the limits of scrapers.", no_args_is_help=True)

for name, verb in (("show", show), ("set", set_limits), ("unset", unset), ("audit", audit)):
    app.command(name=name)(verb)
