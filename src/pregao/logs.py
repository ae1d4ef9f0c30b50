"""Logging: loguru to the terminal and, with LOG_FILE, to a rotating file; the standard library's goes the same way."""

from __future__ import annotations

import logging
import sys
from types import FrameType

from loguru import logger

from pregao.settings import Settings

LINE = (
    "<green>{time:YYYY-MM-DD HH:mm:ss.SSS}</green> <level>{level: <8}</level> "
    "<cyan>{extra[role]: <9}</cyan> <level>{message}</level>"
)
NOISY = ("apscheduler", "asyncio", "httpx", "httpcore", "watchfiles")


class _ToLoguru(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        level: str | int = record.levelname if record.levelname in logging.getLevelNamesMapping() else record.levelno
        frame: FrameType | None = logging.currentframe()
        depth = 2
        while frame and frame.f_code.co_filename == logging.__file__:
            frame, depth = frame.f_back, depth + 1
        logger.opt(depth=depth, exception=record.exc_info).log(level, record.getMessage())


def configure(settings: Settings, role: str) -> None:
    """Send every log line of this process to stderr, and to LOG_FILE when it is set, marked with `role`.

    A file rotates at 20 MB and five are kept. It may be shared by all processes of one system.
    """
    logger.remove()
    logger.configure(extra={"role": role})
    logger.add(sys.stderr, level=settings.log_level, format=LINE, backtrace=False, diagnose=False)
    if settings.log_file is not None:
        logger.add(
            settings.log_file.expanduser(),
            level=settings.log_level,
            format=LINE,
            rotation="20 MB",
            retention=5,
            backtrace=False,
            diagnose=False,
        )
    logging.basicConfig(handlers=[_ToLoguru()], level=logging.INFO, force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
