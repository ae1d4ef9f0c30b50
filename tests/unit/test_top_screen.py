"""How `pregao top` looks, at every size, whatever there is to show."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from tests.frames import (
    AWAY,
    NOW,
    a_breaker,
    a_complaint,
    a_failure,
    a_firing,
    a_frame,
    a_frame_without_redis,
    a_queue,
    a_running_job,
    a_share,
    a_worker,
    parked_jobs,
)

from pregao.queue.controls import Controls, Pause
from pregao.queue.gates import Gates
from pregao.queue.login_holds import LoginHold
from pregao.queue.views import OutboxFacts
from pregao.top.frame import Frame
from pregao.top.screen import draw
from pregao.top.sections import share_out

SMALLEST_HEIGHT = 24


def lines(frame: Frame, width: int = 80, height: int | None = None) -> list[str]:
    terminal = Console(file=io.StringIO(), width=width, color_system=None, highlight=False)
    with terminal.capture() as captured:
        terminal.print(draw(frame, width=width, height=height))
    return captured.get().splitlines()


def line_with(text: str, shown: list[str]) -> str:
    (found,) = [line for line in shown if text in line]
    return found


def busy_frame() -> Frame:
    jobs = [a_running_job(number) for number in range(1, 31)]
    queue = a_queue(running=a_share(10, 10, 10), running_jobs=jobs, workers=[a_worker(n) for n in range(1, 11)])
    return a_frame(
        queue=queue, failures=[a_failure(n) for n in range(1, 31)], firings=[a_firing(n) for n in range(1, 13)]
    )


def test_queues_are_counted_by_state_and_priority() -> None:
    queue = a_queue(ready=a_share(5, 60, 700), delayed=a_share(1, 2, 3), running=a_share(0, 1, 0))
    shown = lines(a_frame(queue=queue))
    for name, counts in (("ready", "5 60 700 765"), ("delayed", "1 2 3 6"), ("running ", "0 1 0 1")):
        assert " ".join(line_with(f"{name} ", shown[2:6]).split()[1:5]) == counts


def test_counts_that_are_not_whole_say_so() -> None:
    shown = lines(a_frame(queue=a_queue(delayed=a_share(1, 2, 497, total=9000))))
    assert "≥1" in line_with("delayed", shown)
    assert "9000" in line_with("delayed", shown)


def test_the_outbox_shows_how_far_postgresql_is_behind() -> None:
    behind = OutboxFacts(entries=12, bytes=9, oldest_at=NOW - timedelta(seconds=45), dead=3, now=NOW)
    shown = lines(a_frame(queue=a_queue(outbox=behind)))
    assert "12 facts, 45.0 s" in line_with("outbox", shown)
    assert any("recording is 45 s behind" in line for line in shown)
    assert any("PostgreSQL refused 3 facts" in line for line in shown)


def test_a_worker_is_shown_with_its_slots_and_its_last_heartbeat() -> None:
    row = line_with("host-1", lines(a_frame(queue=a_queue(workers=[a_worker(state="draining")]))))
    assert row.split() == ["host-1", "1001", "2/3", "1", "draining", "2", "s", "ago"]


def test_a_worker_that_takes_no_jobs_for_its_memory_says_so() -> None:
    frame = a_frame(queue=a_queue(workers=[a_worker(held="no job is taken while memory is full", used_slots=3)]))
    shown = lines(frame)
    assert line_with("1001", shown).split()[2:5] == ["3/3", "1", "held"]
    assert any("worker host-1:1: no job is taken while memory is full" in line for line in shown)
    assert frame.document()["workers"][0]["held"] == "no job is taken while memory is full"


def test_a_worker_that_is_silent_is_told_from_one_that_works() -> None:
    silent = a_worker(heartbeat_at=NOW - timedelta(hours=3))
    shown = lines(a_frame(queue=a_queue(workers=[silent])))
    assert "silent" in line_with("host-1", shown)
    assert "3 h 00 m ago" in line_with("host-1", shown)
    assert any("no worker is alive" in line for line in shown)


def test_a_running_job_is_shown_with_argument_attempt_worker_and_time() -> None:
    job = a_running_job(ticker="VALE3", attempt=4, started_at=NOW - timedelta(seconds=75))
    row = line_with("VALE3", lines(a_frame(queue=a_queue(running_jobs=[job]))))
    assert row.split() == ["1", "m", "15", "s", "B3", "VALE3", "4", "host-1:1001"]


@pytest.mark.parametrize(
    ("changes", "remark"),
    [
        ({"lease_ends_at": NOW - timedelta(seconds=1)}, "lease over"),
        ({"cancel_requested": True}, "cancelling"),
    ],
)
def test_a_running_job_that_will_not_go_on_is_marked(changes: dict[str, object], remark: str) -> None:
    job = a_running_job(ticker="VALE3", **changes)
    assert remark in line_with("VALE3", lines(a_frame(queue=a_queue(running_jobs=[job]))))


def held_lines(gates: Gates, width: int = 80, **queue: object) -> list[str]:
    """The section of what is held back."""
    shown = lines(a_frame(queue=a_queue(gates=gates, **queue)), width)
    (first,) = [number for number, line in enumerate(shown) if line.startswith("held back")]
    return shown[first + 1 : next(number for number, line in enumerate(shown) if line.startswith("worker")) - 1]


def test_nothing_is_said_of_what_is_held_back_while_nothing_is() -> None:
    shown = lines(a_frame())
    assert not any("held back" in line or "parked" in line for line in shown)


def test_parked_jobs_are_counted_by_priority() -> None:
    shown = lines(a_frame(queue=a_queue(parked={"b3": parked_jobs(7), "bcb": parked_jobs(5)})))
    assert line_with("parked", shown).split()[:5] == ["parked", "0", "12", "0", "12"]


def test_an_open_breaker_is_shown_with_its_jobs_its_end_and_its_reason() -> None:
    gates = Gates(now=NOW, breakers={"b3": a_breaker()})
    (row,) = held_lines(gates, parked={"b3": parked_jobs(12)})
    assert row.split()[:8] == ["b3", "breaker", "open", "12", "in", "1", "m", "15"]
    assert "5× timeout: timed out aft" in row
    (wide,) = held_lines(gates, width=160)
    assert "2 m 00 s" in wide
    assert "5× timeout: timed out after 60 s" in wide


def test_a_breaker_that_is_probing_and_one_that_is_tripped_are_told_apart() -> None:
    probing = a_breaker("bcb", state="probing", until=NOW - timedelta(seconds=1))
    tripped = a_breaker(until=None, run=None, who="ana", why="stale prices")
    rows = held_lines(Gates(now=NOW, breakers={"b3": tripped, "bcb": probing}))
    assert rows[0].split() == ["b3", "breaker", "open", "0", "-", "stale", "prices", "(ana)"]
    assert rows[1].split()[:5] == ["bcb", "breaker", "probing", "0", "-"]


def test_a_source_that_asked_to_be_left_alone_is_shown_with_its_distance_and_the_jobs_that_wait_for_it() -> None:
    slowed = a_complaint("scraper", "bcb", until=None, counted_from=NOW - timedelta(seconds=9))
    gates = Gates(now=NOW, complaints=[a_complaint(), slowed], hosts={"b3": ["b3.com.br"]})
    held, slowed = held_lines(gates, width=120, parked={"b3": parked_jobs(2)})
    assert held.split()[:3] == ["b3.com.br", "Retry-After", "2"]
    assert "in 3 m 00 s" in held
    assert "it asked to be left alone; then 4 s apart (level 4 of 7)" in held
    assert slowed.split()[:3] == ["bcb", "slowed", "0"]
    assert "in 3 m 51 s" in slowed


def test_logins_and_pauses_are_shown_with_who_and_where() -> None:
    hold = LoginHold(who="session files on h1", why="cookies/site.json is missing", host="h1", since=NOW)
    pause = Pause(kind="priority", name="low", who="ana", why="month end", since=NOW)
    gates = Gates(now=NOW, controls=Controls([pause]), logins={"statusinvest": hold})
    paused, login = held_lines(gates, ready=a_share(0, 0, 9))
    assert paused.split() == ["queue", "low", "pause", "9", "-", "month", "end", "(ana)"]
    assert login.split() == ["statusinvest", "needs", "login", "0", "-", "cookies/site.json", "is", "missing", "(h1)"]


def test_a_firing_is_shown_in_the_market_s_time() -> None:
    row = line_with("schedule_5", lines(a_frame(firings=[a_firing(5)])))
    assert row.split() == ["in", "5", "m", "00", "s", "Tue", "11-24", "15:35:00", "schedule_5", "B3", "10"]


def test_a_failure_is_shown_with_class_and_error() -> None:
    row = line_with("failure number 7", lines(a_frame(failures=[a_failure(7)])))
    assert row.split()[:4] == ["15:07:00", "BCB", "SELIC", "network"]


def test_a_failure_of_another_day_has_its_date() -> None:
    old = a_failure(7, ended_at="2026-11-20T08:09:10.000-03:00")
    assert line_with("failure number 7", lines(a_frame(failures=[old]))).startswith("11-20 08:09")


def test_sections_without_rows_say_so() -> None:
    assert lines(a_frame(queue=a_queue(workers=[]))).count("none") == 4


def test_a_redis_that_is_away_is_named_and_the_rest_is_shown() -> None:
    shown = lines(a_frame_without_redis(failures=[a_failure(7)], firings=[a_firing(5)]), width=200)
    assert f"✗ {AWAY}" in shown
    assert shown[1].startswith("✗ Redis")
    assert "●" in shown[1]
    assert shown.count("not known while Redis is away") == 2
    assert line_with("ready", shown).split()[1:] == ["?"] * 4
    assert line_with("failure number 7", shown)
    assert line_with("schedule_5", shown)


def test_a_postgresql_that_is_away_is_named_and_the_rest_is_shown() -> None:
    shown = lines(a_frame(failures=None, store_problem="PostgreSQL cannot be reached: refused"))
    assert "✗ PostgreSQL cannot be reached: refused" in shown
    assert shown.count("not known while PostgreSQL is away") == 1
    assert line_with("host-1", shown)


def test_a_redis_that_was_emptied_is_a_problem() -> None:
    assert any("no generation marker" in line for line in lines(a_frame(queue=a_queue(generation=None))))


def test_problems_of_the_schedule_file_are_shown() -> None:
    assert "✗ schedule file: line 3 is odd" in lines(a_frame(schedule_problems=["line 3 is odd"]))


def test_many_problems_leave_room_for_the_rest() -> None:
    frame = a_frame(schedule_problems=[f"line {number} is odd" for number in range(50)], failures=[a_failure(7)])
    shown = lines(frame, height=24)
    assert "✗ … and 47 more problems" in shown
    assert line_with("failure number 7", shown)
    assert sum("is odd" in line for line in lines(frame)) == 50


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (100, 32), (60, 24), (300, 100)])
def test_a_busy_system_fits_the_screen_and_every_section_has_its_share(width: int, height: int) -> None:
    shown = lines(busy_frame(), width, height)
    assert len(shown) <= height
    assert max(map(cell_len, shown)) <= width
    for section in ("host-1 ", "PETR", "schedule_1 ", "15:01:00"):
        assert any(section in line for line in shown), section
    cut = [line for line in shown if line.startswith("… ")]
    assert len(cut) == (4 if height <= 40 else 0)


def test_what_is_cut_is_counted() -> None:
    shown = lines(busy_frame(), 80, 24)
    rows = sum(line.rstrip().endswith("host-1:1001") for line in shown)
    assert f"… {30 - rows} more" in shown


def test_without_a_height_nothing_is_left_out() -> None:
    shown = lines(busy_frame())
    assert sum("failure number" in line for line in shown) == 30
    assert sum("PETR" in line for line in shown) == 30
    assert not any(line.startswith("…") for line in shown)


def test_what_is_essential_is_whole_at_80_columns() -> None:
    worker = "a-very-long-host-name.of.some.cluster.example:123456:abcdef"
    job = a_running_job(ticker="x" * 500, scraper_name="y" * 100, worker=worker, started_at=NOW - timedelta(days=12))
    failure = a_failure(7, ticker="x" * 500, scraper_name="y" * 100, error_class="rate_limited", error="z" * 9000)
    shown = lines(a_frame(queue=a_queue(running_jobs=[job]), failures=[failure]), 80, 24)
    assert "12 d 00 h" in line_with("yyyyy", shown[:-2])
    assert line_with("15:07:00", shown).count("z") > 20
    assert "rate_limited" in line_with("15:07:00", shown)
    assert max(map(cell_len, shown)) == 80


@pytest.mark.parametrize(
    "text", ["[bold]x[/]", "[/nothing]", "\x1b[2J\x1b]0;title\x07x", "a\nb\rc\td", "\u202egnp.exe"]
)
def test_scraped_text_is_neither_markup_nor_a_command_for_the_terminal(text: str) -> None:
    job, failure = a_running_job(ticker=text, scraper_name=text), a_failure(7, ticker=text, error=text)
    shown = lines(a_frame(queue=a_queue(running_jobs=[job]), failures=[failure], schedule_problems=[text]), 120, 40)
    assert not set("\x1b\x07\r\t\u202e") & set("".join(shown))
    if text.startswith("["):
        assert sum(text in line for line in shown) == 3


@given(
    text=st.text(max_size=200),
    width=st.integers(80, 250),
    height=st.integers(SMALLEST_HEIGHT, 100),
    jobs=st.integers(0, 60),
    failures=st.integers(0, 60),
    problems=st.integers(0, 6),
    held=st.integers(0, 20),
)
@example(text="0000000000000000000 0⺀", width=80, height=24, jobs=0, failures=2, problems=3, held=2)
def test_no_frame_is_larger_than_its_screen(
    text: str, width: int, height: int, jobs: int, failures: int, problems: int, held: int
) -> None:
    queue = a_queue(
        gates=Gates(now=NOW, breakers={f"{number}{text}": a_breaker(text, why=text) for number in range(held)}),
        parked={text: parked_jobs(held)} if held else {},
        running_jobs=[a_running_job(number, ticker=text, scraper_name=text, worker=text) for number in range(jobs)],
        workers=[a_worker(number, host=text) for number in range(jobs)],
    )
    frame = a_frame(
        queue=queue,
        failures=[a_failure(7, ticker=text, error=text, error_class=text) for _ in range(failures)],
        firings=[a_firing(number, name=text) for number in range(jobs)],
        schedule_problems=[text * 3] * problems,
    )
    shown = lines(frame, width, height)
    assert len(shown) <= height
    assert all(cell_len(line) <= width for line in shown)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=6), st.integers(0, 100))
def test_sharing_gives_everybody_one_and_nobody_more_than_wanted(wanted: list[int], room: int) -> None:
    given_out = share_out(wanted, room)
    assert all(1 <= has <= wants for has, wants in zip(given_out, wanted, strict=True))
    assert sum(given_out) == min(sum(wanted), max(room, len(wanted)))


def test_the_document_has_everything_that_the_screen_shows() -> None:
    document = busy_frame().document()
    assert document["queue"]["running"] == {"high": 10, "normal": 10, "low": 10, "total": 30}
    assert document["running_jobs"][0]["running_seconds"] == 1.0
    assert document["running_jobs"][0]["started_at"] == "2026-11-24T15:29:59.000-03:00"
    assert document["workers"][0]["alive"] is True
    assert document["next_firings"][0]["fire_time"] == "2026-11-24T15:31:00.000-03:00"
    assert document["failures"][0]["error"] == "failure number 1"
    assert (document["problems"], document["outbox"]["lag_seconds"]) == ([], 0.0)
    held = a_frame(queue=a_queue(gates=Gates(now=NOW, breakers={"b3": a_breaker()}), parked={"b3": parked_jobs(3)}))
    document = held.document()
    assert document["queue"]["parked"] == {"high": 0, "normal": 3, "low": 0, "total": 3}
    assert document["held"]["breakers"][0]["until"] == "2026-11-24T15:31:15.000-03:00"


def test_the_document_says_null_for_what_is_not_known() -> None:
    document = a_frame_without_redis(failures=None, store_problem="away").document()
    assert [document[name] for name in ("queue", "outbox", "workers", "running_jobs", "failures")] == [None] * 5
    assert document["problems"] == [AWAY, "away"]
    partial = a_frame(queue=a_queue(delayed=a_share(1, total=900))).document()
    assert partial["queue"]["delayed"] == {"high": None, "normal": None, "low": None, "total": 900}
