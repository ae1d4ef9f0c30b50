"""Waiting for a stop or for the first of several to end."""

from __future__ import annotations

import asyncio

import pytest

from pregao.cli import signals


async def for_ever() -> None:
    await asyncio.Event().wait()


async def test_what_runs_ends_when_it_is_stopped() -> None:
    stop = asyncio.Event()
    stop.set()
    await signals.first_of(stop, for_ever(), for_ever())


async def test_what_the_first_one_raises_is_raised() -> None:
    async def fails() -> None:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        await signals.first_of(asyncio.Event(), fails(), for_ever())


async def test_what_overhears_its_cancellation_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a recorder does whose connection breaks in the same moment: it waits for PostgreSQL to come back."""
    monkeypatch.setattr(signals, "CANCEL_AGAIN_SECONDS", 0.01)
    overheard = 0

    async def overhears() -> None:
        nonlocal overheard
        try:
            await for_ever()
        except asyncio.CancelledError:
            overheard += 1
        await for_ever()

    stop = asyncio.Event()
    stop.set()
    await asyncio.wait_for(signals.first_of(stop, overhears()), 10)
    assert overheard == 1
