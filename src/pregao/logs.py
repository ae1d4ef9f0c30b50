"""Logging: loguru to the terminal and, with LOG_FILE, to a rotating file; the standard library's goes the same way."""

from __future__ import annotations

import fcntl
import logging
import os
import sys
from pathlib import Path
from types import FrameType

from loguru import logger

from pregao.domain.errors import InvalidInput
from pregao.settings import Settings

LINE = (
    "<green>{time:YYYY-MM-DD HH:mm:ss.SSS}</green> <level>{level: <8}</level> "
    "<cyan>{extra[role]: <9}</cyan> <level>{message}</level>"
)
SAMPLE_MARK = "<yellow>SAMPLE DATA</yellow> "
NOISY = ("apscheduler", "asyncio", "httpx", "httpcore", "uvicorn", "watchfiles")
FILE_LIMIT_BYTES = 20_000_000
FILES_KEPT = 5


def configure(settings: Settings, role: str) -> None:
    """Send every log line of this process to stderr, and to LOG_FILE when it is set, marked with `role`.

    Raises InvalidInput when LOG_FILE cannot be written.
    """
    logger.remove()
    logger.configure(extra={"role": role})
    line = f"{SAMPLE_MARK}{LINE}" if settings.sample else LINE
    logger.add(sys.stderr, level=settings.log_level, format=line, backtrace=False, diagnose=False)
    if settings.log_file is not None:
        try:
            file = SharedFile(settings.log_file.expanduser())
        except OSError as error:
            raise InvalidInput(
                "LOG_FILE", str(settings.log_file), f"cannot be written ({error.strerror})", "name a file that can"
            ) from None
        logger.add(file.write, level=settings.log_level, format=line, colorize=False, backtrace=False, diagnose=False)
    logging.basicConfig(handlers=[_ToLoguru()], level=logging.INFO, force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


class SharedFile:
    """A log file that all processes of a system append to, and that whichever finds it full rotates.

    `FILES_KEPT` older ones are kept beside it: `name.1` is the newest of them. Raises OSError.
    """

    def __init__(self, path: Path, limit_bytes: int = FILE_LIMIT_BYTES) -> None:
        self._path = path
        self._limit_bytes = limit_bytes
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = self._open()

    def write(self, line: str) -> None:
        """Append one line. Appending in one call keeps the lines of several processes apart."""
        if not self._is_current():
            os.close(self._descriptor)
            self._descriptor = self._open()
        os.write(self._descriptor, line.encode(errors="replace"))
        if os.fstat(self._descriptor).st_size >= self._limit_bytes:
            self._rotate()

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)

    def _is_current(self) -> bool:
        """Whether the path still leads to our file: another process may have rotated it."""
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._descriptor))
        except FileNotFoundError:
            return False

    def _rotate(self) -> None:
        # The lock is on the full file itself: only one process can win, and the losers see that it has moved.
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            if not self._is_current():
                return
            for number in range(FILES_KEPT - 1, 0, -1):
                older = self._path.with_name(f"{self._path.name}.{number}")
                if older.exists():
                    older.replace(self._path.with_name(f"{self._path.name}.{number + 1}"))
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)


class _ToLoguru(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        level: str | int = record.levelname if record.levelname in logging.getLevelNamesMapping() else record.levelno
        frame: FrameType | None = logging.currentframe()
        depth = 2
        while frame and frame.f_code.co_filename == logging.__file__:
            frame, depth = frame.f_back, depth + 1
        logger.opt(depth=depth, exception=record.exc_info).log(level, record.getMessage())
