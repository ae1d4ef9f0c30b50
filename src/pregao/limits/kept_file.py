"""The last good file of limits, kept below PREGAO_HOME for a process that starts while the file is broken."""

from __future__ import annotations

import hashlib
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

from pregao.configuration.watched_file import stamp_of

_FOLDER = "limits"


class KeptFile:
    """The copy of one file, by its path. `path` is where it is; only its owner may read it."""

    def __init__(self, home: Path, original: Path) -> None:
        self._original = original
        # Not resolve(): a link that is turned to another file is the same file of limits.
        absolute = os.path.abspath(original)  # noqa: PTH100
        key = hashlib.sha256(absolute.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        self.path = home / _FOLDER / f"{original.stem}-{key}.yaml"

    @property
    def written_at(self) -> datetime | None:
        """When the copy was made (aware UTC); None when there is none."""
        try:
            return datetime.fromtimestamp(self.path.stat().st_mtime, UTC)
        except OSError:
            return None

    def keep(self, stamp: tuple[int, int, int] | None) -> None:
        """Copy the file as it is, in one step, if it is still the one of this stamp and not kept. Raises OSError."""
        content = self._original.read_bytes()
        if stamp_of(self._original) != stamp or self._is_kept(content):
            return
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.path.with_name(f"{self.path.name}.{os.getpid()}.{threading.get_ident()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        draft.replace(self.path)

    def _is_kept(self, content: bytes) -> bool:
        try:
            return self.path.read_bytes() == content
        except FileNotFoundError:
            return False
