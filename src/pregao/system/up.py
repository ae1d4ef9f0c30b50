"""`pregao up`: start everything in order, keep it running, stop it in order."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from types import FrameType

import uvloop
from loguru import logger

from pregao import logs
from pregao.domain.clock import Clock, SystemClock
from pregao.domain.errors import PregaoError
from pregao.embedded.home import Home
from pregao.embedded.parent import follow_parent
from pregao.scheduler.loader import load_schedules
from pregao.settings import Settings
from pregao.system.engines import Engines
from pregao.system.preflight import check_api_port
from pregao.system.supervisor import Supervisor

MODULE_COMMAND = (sys.executable, "-m", "pregao")


def run_up(settings: Settings, *, command: Sequence[str] = MODULE_COMMAND, clock: Clock | None = None) -> int:
    """Run the complete system until SIGINT or SIGTERM; the exit code. Call it from the main thread.

    `command` and a role's name start a child. Raises InvalidInput when the API's port is taken, EngineError when an
    engine does not start or the home is in use, FileRefused when the schedule file cannot be read.
    """
    clock = clock or SystemClock()
    follow_parent(signal.SIGTERM)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    check_api_port(settings)
    load_schedules(settings.schedules_path, clock=clock)  # refuses a file that cannot be read
    try:
        with Home(settings.home) as home, Engines(home, settings) as engines:
            return uvloop.run(Supervisor(settings, home, engines, list(command), clock).run())
    except KeyboardInterrupt:
        logger.info("stopped while starting")
        return 130


def run_scheduler_system() -> int:
    """Run the complete system as `python scheduler.py` does: settings from the environment and `.env`."""
    settings = Settings.load()
    logs.configure(settings, "system")
    try:
        return run_up(settings)
    except PregaoError as error:
        logger.error("{}", error)
        return 1


def _interrupt(number: int, frame: FrameType | None) -> None:
    # Until the loop runs, a signal unwinds what was begun, as Ctrl-C does.
    raise KeyboardInterrupt
