"""Watching runners: limits, deadlines, and their end with all that they started.

    running ──deadline, asked──▶ terminating: SIGTERM ──0.5 s──▶ killing: SIGKILL until nothing lives ──▶ ended
       └───────────────── a limit was passed ─────────────────────▲

The zygote uses it for its children. The worker uses it for the runners of a zygote that died.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

from pregao.isolation.cgroups import Group
from pregao.isolation.kernel import oom_kills, tasks_of_machine
from pregao.isolation.messages import Ended, KillReason
from pregao.isolation.meter import Excess, Meter, memory_story, tasks_story
from pregao.isolation.tree import Process, Snapshot, send

SAMPLE_SECONDS = 0.25
SAMPLING_SHARE = 0.05
"""Of one core: on a machine with very many processes a look at all of them takes long, and is taken less often."""
PEEK_SECONDS = 0.025
SUDDEN_TASKS = 64
"""So many new tasks on the machine between two peeks are looked at at once: a fork bomb does not wait for a sample."""
TERM_SECONDS = 0.5
KILL_SECONDS = 5.0
"""A process that waits for a broken disk cannot be killed; after that long the attempt ends without it."""
PASS_SECONDS = 0.003
HURRY_SECONDS = 0.5
"""What has not died by then will not do so in milliseconds."""


class Ward:
    """One runner that is watched."""

    def __init__(self, launch_id: int, pid: int, meter: Meter, *, deadline: float, group: Group | None = None) -> None:
        """`deadline` is on the monotonic clock, in seconds; `group` is there where the kernel holds the limits."""
        self.id = launch_id
        self.pid = pid
        self.meter = meter
        self.deadline = deadline
        self.group = group
        self._oom_kills = oom_kills()
        self.reason: KillReason | None = None
        self.story = ""
        self.terminating_until: float | None = None
        self.killing_since: float | None = None
        self.gone = False
        self.code: int | None = None
        self.signal: int | None = None
        self.left_over: set[tuple[int, int]] = set()

    def ended(self) -> Ended:
        """What the worker is told of its end."""
        return Ended(
            id=self.id,
            code=self.code,
            signal=self.signal,
            reason=self.reason,
            story=self.story,
            peak_memory_mb=self.meter.peak_memory_mb,
            cpu_seconds=round(self.meter.cpu_seconds, 3),
            out_of_memory=oom_kills() > self._oom_kills,
            left_over=len(self.left_over),
        )


class Guard:
    """Watches runners until they and their descendants are gone, and reports each of them once by `report`.

    `left_over(snapshot)` finds the processes that dead runners left behind: the roots of what is to be killed; None
    for `snapshot` asks for a quick answer. Call `tick()` as often as `next_tick_seconds` says.
    """

    def __init__(self, report: Callable[[Ended], None], left_over: Callable[[Snapshot | None], set[int]]) -> None:
        self._report = report
        self._left_over = left_over
        self._wards: dict[int, Ward] = {}
        self._sample_at = 0.0
        self._sample_every = SAMPLE_SECONDS
        self._tasks_then: int | None = None

    def __len__(self) -> int:
        return len(self._wards)

    def watch(self, ward: Ward) -> None:
        """Begin to watch a runner."""
        if not self._wards:
            self._sample_at = time.monotonic() + self._sample_every
        self._wards[ward.id] = ward

    def ward_of(self, pid: int) -> Ward | None:
        """The watched runner with this pid."""
        return next((ward for ward in self._wards.values() if ward.pid == pid), None)

    def wards(self) -> list[Ward]:
        """Everything that is watched now."""
        return list(self._wards.values())

    def kill(self, launch_id: int, reason: KillReason, story: str = "") -> None:
        """End a runner: SIGTERM, and SIGKILL half a second later. Nothing new for one that is being ended already."""
        ward = self._wards.get(launch_id)
        if ward is None or ward.reason is not None:
            return
        ward.reason, ward.story = reason, story
        ward.terminating_until = time.monotonic() + TERM_SECONDS
        send(Snapshot.take().tree(ward.pid), signal.SIGTERM)

    def kill_all(self, reason: KillReason) -> None:
        """End every runner."""
        for ward in self.wards():
            self.kill(ward.id, reason)

    def exited(self, ward: Ward, code: int | None, signal_number: int | None) -> None:
        """The runner's own process is gone; it is reported once its descendants are."""
        ward.gone, ward.code, ward.signal = True, code, signal_number
        ward.killing_since = ward.killing_since or time.monotonic()
        if ward.group is not None:
            ward.group.kill()
        if not self._left_over(None):
            self._end(ward)

    def forget(self, ward: Ward) -> None:
        """Watch a runner no more: its job is over, and it lives on for the next one."""
        self._wards.pop(ward.id, None)

    def next_tick_seconds(self) -> float | None:
        """How long `tick()` may wait; None while nothing is watched."""
        if not self._wards:
            return None
        killing = [ward.killing_since for ward in self._wards.values() if ward.killing_since is not None]
        if killing and time.monotonic() - min(killing) < HURRY_SECONDS:
            return PASS_SECONDS
        return PEEK_SECONDS

    def tick(self) -> None:
        """Do what is due."""
        now = time.monotonic()
        for ward in self.wards():
            if ward.reason is None and now >= ward.deadline:
                self.kill(ward.id, "deadline")
            if ward.terminating_until is not None and now >= ward.terminating_until:
                ward.killing_since = ward.killing_since or now
        if self._wards and (now >= self._sample_at or self._grew_suddenly()):
            self._sample(now)
        if any(ward.killing_since is not None for ward in self._wards.values()):
            self._kill_what_lives(now)

    # --- limits --------------------------------------------------------------------------------------------------

    def _grew_suddenly(self) -> bool:
        tasks, before = tasks_of_machine(), self._tasks_then
        if before is None or tasks is None or tasks < before:
            self._tasks_then = tasks
            return False
        return tasks - before > SUDDEN_TASKS

    def _sample(self, now: float) -> None:
        snapshot = Snapshot.take()
        for ward in self.wards():
            if ward.killing_since is None:
                excess = self._excess(ward, snapshot.tree(ward.pid))
                if excess is not None:
                    ward.reason, ward.story, ward.killing_since = excess.reason, excess.story, now
        self._tasks_then = tasks_of_machine()
        self._sample_every = max(SAMPLE_SECONDS, (time.monotonic() - now) / SAMPLING_SHARE)
        self._sample_at = now + self._sample_every

    def _excess(self, ward: Ward, tree: list[Process]) -> Excess | None:
        if ward.group is None:
            return ward.meter.sample(tree)
        # The kernel holds the limits; what is left to see is that it had to.
        ward.meter.note(peak_bytes=ward.group.memory_bytes, cpu_seconds=ward.group.cpu_seconds)
        limits = ward.meter.limits
        if limits.memory_mb is not None and ward.group.was_out_of_memory:
            return Excess("memory", memory_story(ward.meter.peak_bytes, limits.memory_mb, ""))
        if limits.tasks is not None and ward.group.refused_tasks:
            return Excess("processes", tasks_story(ward.group.tasks, limits.tasks, tree))
        return ward.meter.cpu_excess(tree)

    # --- the end -------------------------------------------------------------------------------------------------

    def _kill_what_lives(self, now: float) -> None:
        snapshot = Snapshot.take()
        ending = [ward for ward in self._wards.values() if ward.killing_since is not None]
        for ward in ending:
            if ward.group is not None:
                ward.group.kill()
            if not ward.gone:  # or its pid may be somebody else's by now
                send(snapshot.tree(ward.pid), signal.SIGKILL)
        gone = any(ward.gone for ward in ending)
        orphans = send(snapshot.trees(self._left_over(snapshot)), signal.SIGKILL) if gone else []
        for ward in ending:
            if ward.gone:
                ward.left_over |= {(process.pid, process.started) for process in orphans}
            if (ward.gone and not orphans) or now - (ward.killing_since or now) > KILL_SECONDS:
                self._end(ward)

    def _end(self, ward: Ward) -> None:
        del self._wards[ward.id]
        self._read_group(ward)
        self._report(ward.ended())

    def _read_group(self, ward: Ward) -> None:
        """The kernel's last word on a group, before it goes: it may have killed between two samples."""
        if ward.group is None:
            return
        excess = self._excess(ward, [])
        if ward.reason is None and excess is not None:
            ward.reason, ward.story = excess.reason, excess.story
        ward.group.remove()
