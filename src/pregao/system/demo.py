"""`pregao demo`: the complete system on a sample market, beside whatever is real on this machine."""

from __future__ import annotations

import os
from collections.abc import Sequence

from pregao import logs
from pregao.settings import Settings
from pregao.system.preflight import check_api_port
from pregao.system.sample_run import prepare_home, sample_run
from pregao.system.up import run_up


def run_demo(*, seed: int, fresh: bool, command: Sequence[str]) -> int:
    """Run it until SIGINT or SIGTERM; the exit code. `fresh` removes the data of earlier demos.

    Raises as `run_up` does, and InvalidInput for a home that holds anything but a demo.
    """
    with sample_run(seed, os.environ) as sample:
        settings = Settings.load(None, environ=sample.environment)
        logs.configure(settings, "system")
        check_api_port(settings)
        prepare_home(settings, fresh=fresh)
        return run_up(settings, command=command, sample=sample)
