"""The other workers on this machine: who sees one of them end returns its jobs at once, long before their leases end.

Being wrong would take jobs from a worker that lives. So a worker is given up only by a neighbour that has seen its very
process alive, and has then learnt from the kernel that it ended; or by the one that a supervisor started in its place.
Where neither can be had, its lease decides.
"""

from __future__ import annotations

from collections.abc import Mapping

from pregao.queue.process import Reaped, Sight, place, predecessor, sight


class Neighbours:
    """Those that `worker` sees. For one thread."""

    def __init__(self, worker: str) -> None:
        self.place = place()
        """Where neighbours are looked for; '' when this worker does not know where it is, and looks for none."""
        self._worker = worker
        self._predecessor = predecessor()
        self._seen: dict[str, Sight] = {}
        self._returned: set[str] = set()

    def ended(self, listed: Mapping[str, str]) -> list[str]:
        """Workers whose jobs have to be returned now; each is named again until `returned()` was called twice.

        `listed` are the workers of this place that are known to the queue: their ids, and `pid/start` of each.
        """
        for worker, process in listed.items():
            if worker != self._worker and worker not in self._seen:
                seen = Reaped() if process == self._predecessor else sight(process)
                if seen is not None:
                    self._seen[worker] = seen
        found = []
        for worker, seen in list(self._seen.items()):
            if seen.ended() and (worker in listed or worker in self._returned):
                found.append(worker)
            elif worker not in listed:
                # It ended in good order, or another neighbour was first, or it was silent for so long that it was
                # dropped: should it still live, it is seen again.
                self._forget(worker)
        return found

    def returned(self, worker: str) -> None:
        """The jobs of a dead worker were returned. A second time it is forgotten.

        Twice, since its last claim may have reached the server only after its jobs were returned for the first time.
        """
        if worker in self._returned:
            self._forget(worker)
        else:
            self._returned.add(worker)

    def close(self) -> None:
        """Look no more."""
        for worker in list(self._seen):
            self._forget(worker)

    def _forget(self, worker: str) -> None:
        self._returned.discard(worker)
        self._seen.pop(worker).close()
