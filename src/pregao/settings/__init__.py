"""Settings: environment, `.env` and the run file of a system that is up, read once and passed along."""

from pregao.settings.run_file import RunFile, is_owned
from pregao.settings.values import InvalidSettings, Settings, given_variables

__all__ = ["InvalidSettings", "RunFile", "Settings", "given_variables", "is_owned"]
