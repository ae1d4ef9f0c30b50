"""The complete system from one command: engines, migrations, children, and their supervision."""

from pregao.system.up import run_scheduler_system, run_up

__all__ = ["run_scheduler_system", "run_up"]
