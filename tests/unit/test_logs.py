"""The log file that all processes of a system share."""

from __future__ import annotations

import logging
import multiprocessing
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from loguru import logger

from pregao import logs
from pregao.domain.errors import InvalidInput
from pregao.logs import FILES_KEPT, SharedFile
from pregao.settings import Settings

LINES = 400
WRITERS = 3


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    logger.remove()
    root.handlers[:] = handlers
    root.setLevel(level)


def write_lines(path: Path, writer: int) -> None:
    file = SharedFile(path, limit_bytes=20_000)
    for number in range(LINES):
        file.write(f"writer {writer} line {number:04d} {'x' * 40}\n")


def all_lines(path: Path) -> list[str]:
    return [line for file in sorted(path.parent.glob(f"{path.name}*")) for line in file.read_text().splitlines()]


def test_no_line_is_lost_or_torn_when_processes_rotate_the_file_under_each_other(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "pregao.log"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=write_lines, args=(path, writer)) for writer in range(WRITERS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    lines = all_lines(path)

    assert len(lines) == len(set(lines)) == WRITERS * LINES
    assert all(re.fullmatch(r"writer \d line \d{4} x{40}", line) for line in lines)


def test_only_some_old_files_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "pregao.log"
    file = SharedFile(path, limit_bytes=100)

    for number in range(100):
        file.write(f"line {number:03d} {'x' * 60}\n")

    assert len(list(tmp_path.glob("pregao.log.*"))) == FILES_KEPT
    assert "line 099" in all_lines(path)[-1] or "line 099" in (tmp_path / "pregao.log.1").read_text()


def test_a_file_that_somebody_removed_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "pregao.log"
    file = SharedFile(path)
    path.unlink()

    file.write("here\n")

    assert path.read_text() == "here\n"


def test_lines_of_loguru_and_of_the_standard_library_go_to_the_file_with_the_role(tmp_path: Path) -> None:
    path = tmp_path / "pregao.log"
    logs.configure(Settings.load(None, environ={"LOG_FILE": str(path)}), "worker")

    logger.info("from loguru")
    logging.getLogger("elsewhere").warning("from %s", "logging")

    assert re.search(r"INFO +worker +from loguru\n", path.read_text())
    assert re.search(r"WARNING +worker +from logging\n", path.read_text())


def test_the_level_is_a_setting(tmp_path: Path) -> None:
    path = tmp_path / "pregao.log"
    logs.configure(Settings.load(None, environ={"LOG_FILE": str(path), "LOG_LEVEL": "error"}), "api")

    logger.info("not this")
    logger.error("but this")

    assert "not this" not in path.read_text()
    assert "but this" in path.read_text()


def test_a_log_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = Settings.load(None, environ={"LOG_FILE": str(tmp_path / "file" / "pregao.log")})

    with pytest.raises(InvalidInput, match="LOG_FILE"):
        logs.configure(settings, "api")
