"""An existing scraper behind the interface that we call. Standard library only, for child processes."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from functools import lru_cache
from types import FunctionType, MethodType
from typing import Any


class ExistingScraper:
    """Calls a scraper as it wants to be called: `scrape` with the argument or without, methods that await or not."""

    def __init__(self, scraper: Any) -> None:
        self._scraper = scraper

    @property
    def name(self) -> str:
        """The name that it gives itself; its class otherwise."""
        name = getattr(self._scraper, "name", None)
        return name if isinstance(name, str) else type(self._scraper).__name__

    async def initialize(self) -> None:
        """Get ready; raises what the scraper raises."""
        await _result_of(self._scraper.initialize())

    async def scrape(self, ticker: str | None) -> Any:
        """Scrape `ticker`, passed by position exactly as given. Raises what the scraper raises.

        It is left out where `scrape` takes none, and where it is None and `scrape` has a default of its own.
        """
        wanted = argument_of(self._scraper)
        if wanted is None and ticker is not None:
            logging.getLogger("pregao").warning("%s takes no argument: %r is not passed", self.name, ticker)
        if wanted is None or (ticker is None and wanted.default is not inspect.Parameter.empty):
            return await _result_of(self._scraper.scrape())
        return await _result_of(self._scraper.scrape(ticker))

    async def cleanup(self) -> None:
        """Give back what `initialize` took; raises what the scraper raises."""
        await _result_of(self._scraper.cleanup())


def argument_of(scraper: Any) -> inspect.Parameter | None:
    """The first positional parameter of `scrape`; None when it takes none. One that hides its signature takes one."""
    scrape = scraper.scrape
    if isinstance(scrape, MethodType) and isinstance(scrape.__func__, FunctionType):
        return _argument_of_method(scrape.__func__)
    return _first_positional(scrape)


@lru_cache(maxsize=1024)
def _argument_of_method(function: FunctionType) -> inspect.Parameter | None:
    """Reading a signature takes longer than the rest of a short attempt: once for each class is enough."""
    return _first_positional(MethodType(function, object()))


def _first_positional(scrape: Callable[..., Any]) -> inspect.Parameter | None:
    try:
        parameters = list(inspect.signature(scrape).parameters.values())
    except (TypeError, ValueError):
        return inspect.Parameter("ticker", inspect.Parameter.POSITIONAL_ONLY)
    positional = (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        inspect.Parameter.VAR_POSITIONAL,
    )
    return next((parameter for parameter in parameters if parameter.kind in positional), None)


async def _result_of(returned: Any) -> Any:
    return await returned if inspect.isawaitable(returned) else returned
