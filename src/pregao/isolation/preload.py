"""What a zygote loads before the first job: the classes of its directory, so that a fork has them for nothing."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pregao.attempt.judgement import describe
from pregao.isolation import logging_capture
from pregao.isolation.initialize import needs_initialize
from pregao.isolation.kernel import own_threads
from pregao.isolation.messages import Ready, Target
from pregao.scrapers.directory import load_class, prepare

_SETTINGS_FILE = ".env"


class Preloaded:
    """The loaded classes of one directory. What was not loaded before is loaded when it is asked for."""

    def __init__(self, directory: str) -> None:
        """Go there. Raises OSError when the directory cannot be entered."""
        self._directory = Path(directory)
        self._classes: dict[Target, type] = {}
        self._needs: dict[Target, bool] = {}
        prepare(self._directory)

    def load(self, targets: Sequence[Target]) -> Ready:
        """Load all that can be loaded; what cannot fails its own jobs later, and is in `problems`."""
        began = time.time_ns()
        problems = []
        for target in targets:
            try:
                self.class_of(target)
                self.needs_initialize(target)
            except BaseException as error:  # noqa: BLE001 - a module may raise anything while it is imported
                problems.append(f"{target.module}: {describe(error)}")
        logging_capture.listen()
        gc.collect()
        gc.freeze()  # or each runner's first collection would copy the memory that it shares with us
        files = self._loaded_files()
        changed = any(began < modified <= time.time_ns() for modified, _ in files.values())
        return Ready(own_threads(), files, changed, problems)

    def class_of(self, target: Target) -> type:
        """The scraper's class. Raises whatever its module raises."""
        if target not in self._classes:
            module, name = target.module, target.class_name
            self._classes[target] = load_class(self._directory, module, name, run_init=target.run_init)
        return self._classes[target]

    def needs_initialize(self, target: Target) -> bool:
        """Whether `initialize: auto` means to run it."""
        if target not in self._needs:
            self._needs[target] = needs_initialize(self.class_of(target), drives_browser=target.browser)
        return self._needs[target]

    def _loaded_files(self) -> dict[str, tuple[int, int]]:
        """The directory's own files that are loaded, and the settings beside them, with (modified in ns, bytes)."""
        root = self._directory.resolve()
        loaded = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
        paths = {Path(file).resolve() for file in loaded if file}
        wanted = [path for path in paths if path.is_relative_to(root) and "site-packages" not in path.parts]
        return {str(path): stamp_of(str(path)) for path in [*wanted, root / _SETTINGS_FILE]}


def stamp_of(path: str) -> tuple[int, int]:
    """When a file was modified (ns) and its size; zeros when it is not there."""
    try:
        found = os.stat(path)  # noqa: PTH116 - for every loaded file, before every job
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
