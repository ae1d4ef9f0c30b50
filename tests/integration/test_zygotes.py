"""The process that forks: loaded once, replaced when files change, when it dies and when it does not answer."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median

import pytest
from tests.builders import eventually
from tests.foreign import BROKEN_MODULES, directory, write
from tests.isolating import THREADS, Attempts, alive, entries, isolating, pids_in, written

from pregao.attempt.outcome import Completed, Failed, Killed, Stopped, StopReason
from pregao.isolation import supervision
from pregao.isolation.messages import Limits, Target
from pregao.isolation.runner import JOBS_A_CHILD
from pregao.isolation.terms import Terms


@pytest.fixture
async def attempt() -> AsyncIterator[Attempts]:
    async with isolating() as attempts:
        yield attempts


COUNTS_LOADS = """
import os
from pathlib import Path
from statistics import median
Path(__file__).with_suffix(".loads").open("a").write(f"{os.getpid()}\\n")
VALUE = "old"
async def scrape(self, ticker):
    return self.found({"value": VALUE, "pid": os.getpid()})
ValorScraper.scrape = scrape
"""


async def run(attempt: Attempts, folder: Path, module: str = "valor_scraper", name: str = "ValorScraper") -> object:
    """One attempt of a scraper that `tests.foreign.write` wrote."""
    return await attempt.isolation.run(
        Target(str(folder), f"scrapers.{module}", name),
        "PETR4",
        token="1-1",
        terms=Terms(timeout_seconds=60, limits=Limits()),
        stop=asyncio.get_running_loop().create_future(),
    )


async def test_modules_are_loaded_once_for_any_number_of_attempts(attempt: Attempts, tmp_path: Path) -> None:
    folder = directory(tmp_path / "scrapers", {"Valor": COUNTS_LOADS})
    outcomes = [await run(attempt, folder) for _ in range(3)]
    assert all(isinstance(outcome, Completed) for outcome in outcomes)
    loads = (folder / "scrapers" / "valor_scraper.loads").read_text().split()
    assert loads == [str(attempt.zygote_pid(folder))]
    assert not list(folder.rglob("__pycache__")), "nothing of ours stays in the users' directory"


@pytest.mark.parametrize("changed", ["scrapers/valor_scraper.py", "base_scraper.py", "config.py", ".env"])
async def test_a_changed_file_is_loaded_anew_for_the_next_attempt(
    attempt: Attempts, tmp_path: Path, changed: str
) -> None:
    folder = directory(tmp_path / "scrapers", {"Valor": COUNTS_LOADS})
    await run(attempt, folder)
    before = attempt.zygote_pid(folder)
    file = folder / changed
    text = file.read_text() if file.exists() else ""
    file.write_text(text.replace('"old"', '"new"') + "\n")
    outcome = await run(attempt, folder)
    assert isinstance(outcome, Completed)
    assert outcome.data["value"] == ("new" if "valor" in changed else "old")
    assert attempt.zygote_pid(folder) != before


async def test_attempts_in_flight_finish_in_the_old_zygote(attempt: Attempts, tmp_path: Path) -> None:
    folder = directory(tmp_path / "scrapers", {"Valor": WAITS})
    async with asyncio.TaskGroup() as group:
        running = group.create_task(run(attempt, folder))
        await entries(folder / "begun")
        before = attempt.zygote_pid(folder)
        write(folder, "Valor", COUNTS_LOADS.replace('"old"', '"new"'))
        after = await run(attempt, folder)
        assert not running.done()
        assert alive([before, attempt.zygote_pid(folder)]) == [before, attempt.zygote_pid(folder)]
        (folder / "go").touch()
    old = running.result()
    assert isinstance(old, Completed)
    assert isinstance(after, Completed)
    assert (old.data["value"], after.data["value"]) == ("waited", "new")
    await eventually(lambda: asyncio.sleep(0, alive([before])), lambda left: left == [], what="the end of the old one")


WAITS = """
import asyncio, os
from pathlib import Path
from statistics import median
async def scrape(self, ticker):
    Path("begun").write_text("begun\\n")
    while not Path("go").exists():
        await asyncio.sleep(0.01)
    print("went on")
    return self.found({"value": "waited"})
ValorScraper.scrape = scrape
"""


async def test_a_zygote_that_is_killed_is_replaced(attempt: Attempts) -> None:
    await attempt.data("SharedGate")
    first = attempt.zygote_pid()
    os.kill(first, signal.SIGKILL)
    await eventually(lambda: asyncio.sleep(0, alive([first])), lambda left: left == [])
    assert await attempt.data("SharedGate") == {"passed": 3}
    assert attempt.zygote_pid() != first


async def test_attempts_finish_although_their_zygote_is_killed(attempt: Attempts, tmp_path: Path) -> None:
    folder = directory(tmp_path / "scrapers", {"Valor": WAITS})
    async with asyncio.TaskGroup() as group:
        running = group.create_task(run(attempt, folder))
        await entries(folder / "begun")
        os.kill(attempt.zygote_pid(folder), signal.SIGKILL)
        await eventually(lambda: asyncio.sleep(0, alive([attempt.zygote_pid(folder)])), lambda left: left == [])
        (folder / "go").touch()
    outcome = running.result()
    assert isinstance(outcome, Completed)
    assert outcome.data == {"value": "waited"}
    assert "went on" in (outcome.footprint.logs or "")


async def test_limits_timeouts_and_cancels_hold_without_the_zygote(attempt: Attempts, tmp_path: Path) -> None:
    stop: asyncio.Future[StopReason] = asyncio.get_running_loop().create_future()
    files = [tmp_path / name for name in ("daemon", "pids", "cancelled")]
    async with asyncio.TaskGroup() as group:
        bomb = group.create_task(attempt("Memory", "child 400", memory_mb=150))
        leaving = group.create_task(attempt("DeafChild", f"wait:{files[1]}", timeout_seconds=3, cleanup_seconds=0.5))
        stopped = group.create_task(attempt("Daemon", f"wait:{files[2]}", stop=stop))
        blocked = group.create_task(attempt("Looping", timeout_seconds=3, cleanup_seconds=0.3))
        await eventually(lambda: asyncio.sleep(0, len(attempt.isolation._runners)), lambda count: count == 4)
        os.kill(attempt.zygote_pid(), signal.SIGKILL)
        await written(files[2])
        stop.set_result("cancel")
    assert isinstance(bomb.result(), Killed)
    assert "killed for memory" in bomb.result().story  # type: ignore[union-attr]
    assert isinstance(leaving.result(), Failed)
    assert isinstance(stopped.result(), Stopped)
    assert isinstance(blocked.result(), Failed)
    assert "did not react" in blocked.result().failure.message  # type: ignore[union-attr]
    assert alive([*pids_in(files[1]), *pids_in(files[2])]) == []


async def test_a_crash_without_a_zygote_leaves_nothing_behind(attempt: Attempts, tmp_path: Path) -> None:
    folder = directory(tmp_path / "scrapers", {"Valor": WAITS.replace('print("went on")', LEAVE_AND_CRASH)})
    async with asyncio.TaskGroup() as group:
        running = group.create_task(run(attempt, folder))
        await entries(folder / "begun")
        os.kill(attempt.zygote_pid(folder), signal.SIGKILL)
        await eventually(lambda: asyncio.sleep(0, alive([attempt.zygote_pid(folder)])), lambda left: left == [])
        (folder / "go").touch()
    outcome = running.result()
    assert isinstance(outcome, Killed)
    assert "nobody saw how" in outcome.story
    assert len(pids_in(folder / "left")) == 1
    assert alive(pids_in(folder / "left")) == []


LEAVE_AND_CRASH = """
    import subprocess, sys
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    Path("left").write_text(str(child.pid))
    os._exit(1)
"""


async def test_a_zygote_that_does_not_answer_is_replaced_and_its_attempt_runs_once(
    attempt: Attempts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "ANSWER_SECONDS", 0.3)
    await attempt.data("SharedGate")
    first = attempt.zygote_pid()
    os.kill(first, signal.SIGSTOP)
    diary = tmp_path / "diary"
    outcomes = [await attempt("Diary", f":{diary}") for _ in range(2)]
    assert all(isinstance(outcome, Completed) for outcome in outcomes), outcomes
    assert diary.read_text().split() == ["scrape", "cleanup", "cleaned"] * 2
    assert attempt.zygote_pid() != first
    assert alive([first]) == []


async def test_a_zygote_that_stops_answering_meanwhile_costs_no_result(
    attempt: Attempts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = directory(tmp_path / "scrapers", {"Valor": WAITS})
    async with asyncio.TaskGroup() as group:
        running = group.create_task(run(attempt, folder))
        await entries(folder / "begun")
        os.kill(attempt.zygote_pid(folder), signal.SIGSTOP)
        monkeypatch.setattr(supervision, "ANSWER_SECONDS", 0.3)
        (folder / "go").touch()
    assert isinstance(running.result(), Completed)


async def test_a_module_that_breaks_the_loading_breaks_no_other(attempt: Attempts, tmp_path: Path) -> None:
    """One of these ends its process while it is imported, so that nothing can be loaded beforehand."""
    good = await run(attempt, BROKEN_MODULES, "good", "GoodScraper")
    assert isinstance(good, Completed)
    dying = await run(attempt, BROKEN_MODULES, "dying", "DyingScraper")
    assert isinstance(dying, Failed | Killed)
    assert isinstance(await run(attempt, BROKEN_MODULES, "good", "GoodScraper"), Completed)


async def test_a_directory_that_is_gone_fails_its_attempts_with_that(attempt: Attempts, tmp_path: Path) -> None:
    outcome = await run(attempt, tmp_path / "gone")
    assert isinstance(outcome, Failed)
    assert "cannot be entered: [Errno 2] No such file or directory" in outcome.failure.message
    assert outcome.failure.retryable


# --- warm processes ----------------------------------------------------------------------------------------------


async def test_where_imports_start_threads_one_process_runs_one_job_after_another(attempt: Attempts) -> None:
    outcomes = [await attempt.data("Counting", directory=THREADS) for _ in range(3)]
    assert [data["jobs"] for data in outcomes] == [1, 2, 3]
    assert len({data["pid"] for data in outcomes}) == 1


async def test_each_job_of_a_warm_process_has_its_own_log(attempt: Attempts) -> None:
    logs = [(await attempt("Counting", how, directory=THREADS)).footprint.logs for how in ("one", "two")]
    assert logs == ["job 1: one\n", "job 2: two\n"]


@pytest.mark.parametrize("how", ["fail", "die"])
async def test_after_a_failure_a_warm_process_is_used_no_more(attempt: Attempts, how: str) -> None:
    first = await attempt.data("Counting", directory=THREADS)
    outcome = await attempt("Counting", how, directory=THREADS)
    assert isinstance(outcome, Failed if how == "fail" else Killed)
    last = await attempt.data("Counting", directory=THREADS)
    assert last["jobs"] == 1
    assert last["pid"] != first["pid"]


async def test_a_warm_process_is_replaced_after_so_many_jobs(
    attempt: Attempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = [await attempt.data("Counting", directory=THREADS) for _ in range(JOBS_A_CHILD + 2)]
    assert max(data["jobs"] for data in seen) == JOBS_A_CHILD
    assert len({data["pid"] for data in seen}) == 2


async def test_what_a_job_leaves_in_a_warm_process_is_gone_before_the_next(attempt: Attempts) -> None:
    outcome = await attempt("Counting", "leave", directory=THREADS)
    assert isinstance(outcome, Completed)
    assert "1 processes were left running" in (outcome.footprint.logs or "")
    assert (await attempt.data("Counting", directory=THREADS))["jobs"] == 2


async def test_jobs_at_once_have_a_warm_process_each(attempt: Attempts) -> None:
    stop: asyncio.Future[StopReason] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(attempt("Counting", "wait", directory=THREADS, stop=stop))
        await eventually(lambda: asyncio.sleep(0, len(attempt.isolation._runners)))
        beside = await attempt.data("Counting", directory=THREADS)
        assert beside["jobs"] == 1
        stop.set_result("cancel")
    assert isinstance(waiting.result(), Stopped)


async def test_a_changed_file_is_loaded_anew_by_warm_processes_too(attempt: Attempts, tmp_path: Path) -> None:
    text = COUNTS_LOADS + "\nimport threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    folder = directory(tmp_path / "scrapers", {"Valor": text})
    values = []
    for word in ("old", "new"):
        write(folder, "Valor", text.replace('"old"', f'"{word}"'))
        outcome = await run(attempt, folder)
        assert isinstance(outcome, Completed)
        values.append(outcome.data["value"])
    assert values == ["old", "new"]


async def test_a_process_of_its_own_costs_a_job_milliseconds(attempt: Attempts) -> None:
    """`python -m bench.isolation` measures it; the bound here is one that only a fresh interpreter would miss."""
    took = []
    for _ in range(30):
        began = time.perf_counter()
        await attempt.data("OddResults", "types")
        took.append((time.perf_counter() - began) * 1000)
    print(f"an isolated job: {median(took):.1f} ms at the median")
    assert median(took) < 500
