"""That what a scraper logs reaches its standard error, where it is captured, although nobody set up its logging."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import traceback
from typing import Any

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def listen() -> None:
    """Give `logging` and loguru a handler on standard error if they have none there. Call it after the imports."""
    level = os.environ.get("LOG_LEVEL", "INFO").upper()
    if not logging.getLogger().handlers:
        known = level if isinstance(logging.getLevelName(level), int) else "INFO"
        logging.basicConfig(level=known, format=_FORMAT, stream=sys.stderr)
    loguru = sys.modules.get("loguru")
    if loguru is not None and not _prints(loguru.logger):
        loguru.logger.add(sys.stderr, level="DEBUG")


def note(text: str) -> None:
    """Put a line of our own into what is captured, past whatever the scraper did to `sys.stderr`."""
    with contextlib.suppress(OSError):  # it may have closed the descriptor as well
        os.write(2, f"{text.rstrip()}\n".encode(errors="replace"))


def note_exception(error: BaseException) -> None:
    """The same for an exception with its traceback."""
    note("".join(traceback.format_exception(error)))


def _prints(logger: Any) -> bool:
    """Whether one of loguru's sinks is a standard stream; loguru has no other way to ask."""
    handlers = getattr(getattr(logger, "_core", None), "handlers", {})
    sinks = [getattr(handler, "_sink", None) for handler in handlers.values()]
    return any(getattr(sink, "_stream", None) in (sys.stdout, sys.stderr) for sink in sinks)
