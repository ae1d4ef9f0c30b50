"""Sites with a folder for each kind of paper."""

from __future__ import annotations

from collections.abc import Mapping

from pregao.sample_market.market import Market
from pregao.sample_market.papers import Kind, Paper


def in_folder(market: Market, path: str, folders: Mapping[str, Kind]) -> tuple[Paper | None, bool]:
    """The paper behind `/folder/ticker`, and whether the path has that form: papers are in their own folder only."""
    steps = [step for step in path.split("/") if step]
    if len(steps) != 2 or steps[0] not in folders:
        return None, False
    return market.paper(steps[1], folders[steps[0]]), True
