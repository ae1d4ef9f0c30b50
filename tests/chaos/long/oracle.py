"""What the jobs themselves say of what ran: read from their logs, never from the system under test."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Run:
    """One execution of a job's code. `ended` is None when its process died, or stopped it, before the end."""

    pid: int
    ticker: str
    started: float
    ended: float | None = None


class Oracle:
    """Follows the logs of all processes. Times are seconds since the epoch, of this machine."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._read_to: dict[Path, int] = {}
        self._open: dict[tuple[int, str], Run] = {}
        self._runs: list[Run] = []

    def runs(self) -> list[Run]:
        """Every execution that was begun so far."""
        for log in sorted(self._directory.glob("*.log")):
            with log.open() as lines:
                lines.seek(self._read_to.get(log, 0))
                text = lines.read()
            whole = text[: text.rfind("\n") + 1]
            self._read_to[log] = self._read_to.get(log, 0) + len(whole.encode())
            for line in whole.splitlines():
                self._note(int(log.stem), *line.split(" ", 2))
        return self._runs

    def _note(self, pid: int, what: str, moment: str, ticker: str) -> None:
        if what == "S":
            run = self._open[pid, ticker] = Run(pid, ticker, float(moment))
            self._runs.append(run)
        else:
            self._open.pop((pid, ticker)).ended = float(moment)

    def executions(self) -> Counter[str]:
        """How often the code of each job was begun."""
        return Counter(run.ticker for run in self.runs())

    def running_in(self, pid: int) -> int:
        """Executions that are under way in a process."""
        return sum(run.pid == pid and run.ended is None for run in self.runs())

    def recovery_seconds(self, pid: int, fault_at: float) -> float | None:
        """How long after the fault the last job that ran in `pid` was begun again elsewhere; None if none was."""
        held = {run.ticker for run in self.runs() if run.pid == pid and run.started <= fault_at}
        again: dict[str, float] = {}
        for run in self.runs():
            if run.ticker in held and run.pid != pid and run.started > fault_at:
                again[run.ticker] = min(run.started, again.get(run.ticker, run.started))
        return max(again.values()) - fault_at if again else None

    def next_start_after(self, moment: float) -> float | None:
        """When the first execution after `moment` was begun."""
        return min((run.started for run in self.runs() if run.started > moment), default=None)
