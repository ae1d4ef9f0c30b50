"""Several sources for the same data: the best one first, the others when it fails in a passing way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from loguru import logger

from pregao.domain.errors import ScrapeError
from pregao.scrapers.base import Collected


@dataclass(frozen=True, slots=True)
class Way:
    """One source of a datum: its address, as it is shown in `metadata.instead_of`, and how to collect from it."""

    origin: str
    collect: Callable[[], Awaitable[Collected]]


def passes(error: ScrapeError) -> bool:
    """Whether another source may help: the failure says something of the source, not of what was asked for."""
    return error.retryable


async def first_of(first: Way, *others: Way, passing: Callable[[ScrapeError], bool] = passes) -> Collected:
    """What `first` gives; if its failure is a passing one, what the first of the others gives.

    Then `metadata.instead_of` is the origin of `first`, and `because` is its failure. When none helps, raises that
    failure, or a later one if only that is worth a retry.
    """
    try:
        return await first.collect()
    except ScrapeError as error:
        if not passing(error):
            raise
        failures = [error]
    for way in others:
        try:
            collected = await way.collect()
        except ScrapeError as error:
            logger.debug("{} cannot stand in for {}: {}", way.origin, first.origin, error)
            failures.append(error)
        else:
            logger.warning("{} stands in for {}: {}", way.origin, first.origin, failures[0])
            told = {"instead_of": first.origin, "because": str(failures[0])}
            return replace(collected, metadata={**collected.metadata, **told})
    raise next((failure for failure in failures if failure.retryable), failures[0])
