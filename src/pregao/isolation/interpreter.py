"""How a fresh interpreter is started for one of our modules, wherever it stands and whatever directory it serves."""

from __future__ import annotations

import sys
from pathlib import Path

_PACKAGE_PARENT = Path(__file__).resolve().parents[2]


def python(module: str, descriptor: int) -> list[str]:
    """The command line that calls `main(descriptor)` of a module; the descriptor must be inherited.

    Our package is found without help from the environment, and the working directory is no place of imports.
    """
    code = f"import sys; sys.path.insert(0, {str(_PACKAGE_PARENT)!r}); from {module} import main; main({descriptor})"
    return [sys.executable, "-P", "-u", "-c", code]
