"""Settings: environment, `.env` and the run file of a system that is up, read once and passed along."""

from pregao.settings.run_file import RunFile
from pregao.settings.values import InvalidSettings, Settings

__all__ = ["InvalidSettings", "RunFile", "Settings"]
