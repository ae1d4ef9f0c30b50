"""The platform's drop-in module: `from scheduler import JobQueue …`, and `python scheduler.py` for the complete system.

`python scheduler.py worker` (or `scheduler`, `recorder`, `api`) runs one role, so that `ps aux | grep scheduler.py`
shows each of them. It works in a checkout without installing the package.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

_HERE = Path(__file__).resolve()
_SOURCE = _HERE.parent / "src"

if (_SOURCE / "pregao").is_dir() and str(_SOURCE) not in sys.path:
    sys.path.insert(0, str(_SOURCE))

if TYPE_CHECKING:
    from pregao import Job as Job
    from pregao import JobPriority as JobPriority
    from pregao import JobProcessor as JobProcessor
    from pregao import JobQueue as JobQueue
    from pregao import JobStatus as JobStatus
    from pregao import ScraperScheduler as ScraperScheduler
    from pregao import run_scheduler_system as run_scheduler_system


def __getattr__(name: str) -> Any:
    """Whatever `pregao` offers, imported when it is first used."""
    import pregao

    return getattr(pregao, name)


def _main() -> None:
    from pregao.cli.main import run

    # Children that are started as modules find the package the same way.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_SOURCE), os.environ.get("PYTHONPATH")]))
    run(sys.argv[1:] or ["up"], child_command=[sys.executable, str(_HERE)])


if __name__ == "__main__":
    _main()
