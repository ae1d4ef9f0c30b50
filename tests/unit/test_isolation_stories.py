"""What an attempt that was killed is told to have died of."""

from __future__ import annotations

import os

import pytest

from pregao.attempt.outcome import Completed, Failed, Killed
from pregao.domain.failure import FailureClass, failure
from pregao.domain.footprint import NO_FOOTPRINT, Footprint
from pregao.isolation.messages import Ended, Limits, Target, Task
from pregao.isolation.meter import MB, Meter
from pregao.isolation.tree import Process
from pregao.isolation.verdict import decide, footprint_of

TASK = Task(Target("/srv/scrapers", "scrapers.valor_scraper", "ValorScraper"), "PETR4", 60.0, 5.0, "auto")
STACK = 'Current thread 0x0001 (most recent call first):\n  File "/srv/scrapers/valor.py", line 7 in scrape\n'


def process(name: str, megabytes: float, *, pid: int = 2**22 + 1, cpu: float = 0.0, threads: int = 1) -> Process:
    """One that does not exist, so that its share of memory cannot be read and its resident memory counts."""
    return Process(pid, 1, pid, name, "S", threads, 1, cpu, int(megabytes * MB))


def test_memory_names_peak_limit_and_the_largest() -> None:
    sizes = [("python", 90), ("chromium", 512), ("chromium", 150), ("node", 60)]
    excess = Meter(Limits(memory_mb=600)).sample(
        [process(name, size, pid=2**22 + n) for n, (name, size) in enumerate(sizes)]
    )
    assert excess is not None
    assert excess.story == (
        "killed for memory: peak 812 MB of 600 MB allowed; chromium 512 MB, chromium 150 MB, python 90 MB and 1 more"
    )


def test_memory_near_the_limit_is_counted_by_share() -> None:
    """What this process claims to hold is far above the limit; its true share is not."""
    own = process("python", 1_000_000, pid=os.getpid())
    meter = Meter(Limits(memory_mb=10_000))
    assert meter.sample([own]) is None
    assert meter.peak_memory_mb is not None
    assert meter.peak_memory_mb < 10_000


def test_peaks_only_rise() -> None:
    meter = Meter(Limits())
    for size in (100, 300, 200):
        assert meter.sample([process("python", size, cpu=size)]) is None
    assert (meter.peak_memory_mb, meter.cpu_seconds) == (300, 300)


def test_cpu_time_from_before_the_attempt_does_not_count() -> None:
    meter = Meter(Limits(cpu_seconds=10), cpu_before=100)
    assert meter.sample([process("python", 1, cpu=109)]) is None
    excess = meter.sample([process("python", 1, cpu=111)])
    assert excess is not None
    assert excess.story == "killed for CPU time: 11.0 s of 10 s allowed; python 111.0 s"


def test_zombies_take_no_memory_and_count_as_no_task() -> None:
    meter = Meter(Limits(memory_mb=10, tasks=1))
    assert meter.sample([process("python", 1), process("chromium", 500)._replace(state="Z")]) is None


def test_threads_count_as_the_kernel_counts_them() -> None:
    excess = Meter(Limits(tasks=100)).sample(
        [process("chromium", 1, threads=70), process("node", 1, pid=9**9, threads=40)]
    )
    assert excess is not None
    assert excess.story == ("killed for its number of processes and threads: 110 of 100 allowed; 1 chromium, 1 node")


@pytest.mark.parametrize(
    ("ended", "story"),
    [
        (Ended(1, signal=11), "the scraper's process was ended by SIGSEGV (a segmentation fault)"),
        (
            Ended(1, signal=9, peak_memory_mb=812.4),
            "the scraper's process was ended by SIGKILL (somebody killed it); peak 812 MB",
        ),
        (
            Ended(1, signal=9, peak_memory_mb=812.4, out_of_memory=True),
            (
                "the scraper's process was ended by SIGKILL "
                "(the machine ran out of memory, and the kernel chose it); peak 812 MB"
            ),
        ),
        (Ended(1, signal=40), "the scraper's process was ended by signal 40"),
        (Ended(1, code=3), "the scraper's process ended with exit code 3 before it gave a result"),
        (Ended(1), "the scraper's process ended without a result, and without its zygote nobody saw how"),
        (Ended(1, signal=9, reason="memory", story="killed for memory: …"), "killed for memory: …"),
    ],
)
def test_an_end_without_a_word_is_told_by_what_was_seen(ended: Ended, story: str) -> None:
    outcome = decide(None, ended, NO_FOOTPRINT, TASK, timed_out=False)
    assert isinstance(outcome, Killed)
    assert outcome.story == story


def test_a_word_counts_more_than_the_end() -> None:
    completed = Completed(b"1", 0.1, None, {})
    failed = Failed(failure(FailureClass.NOT_FOUND, "no such paper"))
    ended = Ended(1, signal=11)
    assert isinstance(decide(completed, ended, NO_FOOTPRINT, TASK, timed_out=False), Completed)
    outcome = decide(failed, ended, NO_FOOTPRINT, TASK, timed_out=True)
    assert isinstance(outcome, Failed)
    assert outcome.failure.failure_class is FailureClass.NOT_FOUND


def test_a_timeout_and_a_crash_name_the_line_where_the_log_tells_it() -> None:
    late = decide(None, Ended(1, signal=15), Footprint(logs=STACK), TASK, timed_out=True)
    assert isinstance(late, Failed)
    assert late.failure.message == (
        "timed out after 60 s; its process did not react, and was killed, at /srv/scrapers/valor.py:7"
    )
    crashed = decide(None, Ended(1, signal=11), Footprint(logs=STACK), TASK, timed_out=False)
    assert isinstance(crashed, Killed)
    assert crashed.story.endswith(", at /srv/scrapers/valor.py:7")


def test_a_footprint_can_be_stored() -> None:
    footprint = footprint_of(Ended(1, signal=9, peak_memory_mb=1.5, cpu_seconds=0.25), "said")
    assert footprint == Footprint(logs="said", peak_memory_mb=1.5, cpu_seconds=0.25, exit_signal="SIGKILL")
