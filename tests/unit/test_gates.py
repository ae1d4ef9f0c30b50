"""What holds jobs back: as it is read from Redis, told in lines, shown in documents, and published as events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.frames import NOW, a_breaker, a_complaint, parked_jobs

from pregao.domain.clock import to_ms
from pregao.queue.breakers import Breaker, FailureRun, Lifted
from pregao.queue.complaints import SLOWEST, Complaint, read_complaints
from pregao.queue.controls import Controls, Pause
from pregao.queue.facts import ControlFact
from pregao.queue.gate_documents import held_document, held_of, nothing_known
from pregao.queue.gate_events import gate_event
from pregao.queue.gate_lines import breaker_line, complaint_line, held_lines, lines_about, market_time
from pregao.queue.gates import Gates, read_gates
from pregao.queue.login_holds import LoginHold

IN_A_MINUTE = to_ms(NOW + timedelta(minutes=1))
LOGIN = LoginHold(who="session files on h1", why="site.json is missing", host="h1", since=NOW)
PAUSE = Pause(kind="scraper", name="b3", who="ana", why="month end", since=NOW)


def at(moment: datetime) -> str:
    return f"{moment:%H:%M:%S}"


@pytest.mark.parametrize(
    ("breaker", "line"),
    [
        (
            a_breaker(),
            (
                "the breaker of b3 is open until 18:31:15: 5 failures in a row of class timeout, the last: timed out "
                "after 60 s (since 18:28:00)"
            ),
        ),
        (
            a_breaker(state="probing", run=FailureRun("bug", 1), why="a\nb"),
            "the breaker of b3 is probing, one job at a time: 1 failure of class bug, the last: a b (since 18:28:00)",
        ),
        (
            a_breaker(until=None, run=None, who="ana", why="stale prices"),
            "the breaker of b3 is open until somebody resets it: stale prices (ana, 18:28:00)",
        ),
    ],
)
def test_a_breaker_is_told_with_its_state_its_reason_and_since_when(breaker: Breaker, line: str) -> None:
    assert breaker_line(breaker, at) == line


@pytest.mark.parametrize(
    ("complaint", "line"),
    [
        (
            a_complaint(),
            (
                "host b3.com.br asked to be left alone until 18:33:00; then jobs start 4 s apart (level 4 of 7), full "
                "speed by 18:37:00"
            ),
        ),
        (
            a_complaint("scraper", "bcb", until=None, level=1, counted_from=NOW - timedelta(seconds=9)),
            "scraper bcb is slowed down: jobs start 0.5 s apart (level 1 of 7), full speed by 18:30:51",
        ),
        (a_complaint(level=0, counted_from=None), "host b3.com.br asked to be left alone until 18:33:00"),
    ],
)
def test_a_source_that_complained_is_told_with_its_end_and_its_distance(complaint: Complaint, line: str) -> None:
    assert complaint_line(complaint, at) == line


def test_the_reason_of_a_line_is_cut_and_that_of_a_document_is_not() -> None:
    breaker = a_breaker(why="x" * 5000)
    assert len(breaker_line(breaker, at)) < 300
    (shown,) = held_document(Gates(now=NOW, breakers={"b3": breaker}))["breakers"]
    assert shown["why"].endswith("x" * 5000)


def test_all_that_is_held_is_a_line_each_and_a_scraper_s_lines_are_its_own() -> None:
    gates = Gates(
        now=NOW,
        controls=Controls([PAUSE]),
        breakers={"bcb": a_breaker("bcb")},
        failures={"b3": FailureRun("timeout", 2), "bcb": FailureRun("timeout", 5)},
        complaints=[a_complaint(), a_complaint(name="other.br")],
        logins={"b3": LOGIN},
        hosts={"b3": ["b3.com.br"]},
    )
    assert [line.partition(":")[0] for line in held_lines(gates, at)] == [
        "scraper b3 is paused until somebody resumes it",
        "the breaker of bcb is open until 18",
        "scraper b3 needs a login, and its jobs wait",
        "host b3.com.br asked to be left alone until 18",
        "host other.br asked to be left alone until 18",
    ]
    assert list(lines_about("B3", gates, at)) == [
        "scraper b3 is paused until somebody resumes it: month end (ana, 18:30:00)",
        "its breaker is closed; it counts 2 failures in a row of class timeout",
        "scraper b3 needs a login, and its jobs wait: site.json is missing (on h1, since 18:30:00)",
        complaint_line(gates.complaints[0], at),
    ]
    assert [line.partition(" is open")[0] for line in lines_about("bcb", gates, at)] == ["the breaker of bcb"]


def test_a_scraper_s_document_has_its_breaker_closed_or_not() -> None:
    gates = Gates(
        now=NOW, breakers={"bcb": a_breaker("bcb")}, failures={"b3": FailureRun("timeout", 2)}, logins={"b3": LOGIN}
    )
    closed = held_of("B3", gates, {"b3": parked_jobs(4)})
    assert closed["breaker"] == {
        "state": "closed", "since": None, "until": None, "who": None, "why": None, "error_class": "timeout",
        "failures": 2,
    }  # fmt: skip
    assert (closed["login"]["host"], closed["parked"], closed["slowed"], closed["paused"]) == ("h1", 4, [], None)
    opened = held_of("BCB", gates, {})
    assert opened["breaker"] == {
        "state": "open", "since": "2026-11-24T15:28:00.000-03:00", "until": "2026-11-24T15:31:15.000-03:00",
        "who": "breaker", "why": "5 failures in a row of class timeout, the last: timed out after 60 s",
        "error_class": "timeout", "failures": 5,
    }  # fmt: skip
    assert (opened["login"], opened["parked"]) == (None, 0)
    assert nothing_known().keys() == opened.keys()


def test_the_document_of_a_source_that_complained_has_its_distance_in_seconds() -> None:
    (shown,) = held_document(Gates(now=NOW, complaints=[a_complaint()]))["slowed"]
    assert shown == {
        "host": "b3.com.br", "until": "2026-11-24T15:33:00.000-03:00", "level": 4, "distance_seconds": 4.0,
        "full_speed_at": "2026-11-24T15:37:00.000-03:00",
    }  # fmt: skip


def test_the_distance_doubles_with_each_level() -> None:
    distances = [a_complaint(level=level).distance_seconds for level in range(SLOWEST + 1)]
    assert distances == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0]


def test_a_hold_that_is_over_leaves_the_distance_and_both_that_are_over_leave_nothing() -> None:
    past = str(to_ms(NOW) - 1)
    assert read_complaints({"host:a": past}, {}, NOW) == []
    (slowed,) = read_complaints({"host:a": past}, {"host:a": f"2 {to_ms(NOW)}"}, NOW)
    assert (slowed.until, slowed.level) == (None, 2)
    (held,) = read_complaints({"host:a": str(IN_A_MINUTE)}, {}, NOW)
    assert (held.until, held.level, held.full_speed_at) == (NOW + timedelta(minutes=1), 0, None)


@given(st.dictionaries(st.sampled_from([b"open:scraper:a", b"login:scraper:a", b"host:a", b"a"]), st.binary()))
def test_what_somebody_else_wrote_there_hurts_nobody(fields: dict[bytes, bytes]) -> None:
    gates = read_gates(NOW, fields, fields, fields, fields)
    assert isinstance(list(held_lines(gates, market_time)), list)
    assert isinstance(held_document(gates), dict)


@pytest.mark.parametrize(("ends", "state"), [("0", "open"), (str(IN_A_MINUTE), "open"), (str(to_ms(NOW)), "probing")])
def test_a_breaker_is_open_until_its_time_and_probing_from_then_on(ends: str, state: str) -> None:
    rule = f'{ends}|{{"class":"bug","count":5,"for_ms":60000,"since":"2026-11-24T12:00:00.000+00:00","error":null}}'
    (breaker,) = read_gates(NOW, {b"open:scraper:b3": rule.encode()}, {}, {}, {}).breakers.values()
    assert (breaker.state, breaker.since) == (state, datetime(2026, 11, 24, 12, tzinfo=UTC))


def test_what_a_reset_lifted_is_told_by_kind() -> None:
    lifted = Lifted(
        {
            "open:scraper:b3": "0|{}",
            "failures:scraper:b3": "timeout 5",
            "hold:scraper:b3": "0|{}",
            "hold:host:a.br": "1|{}",
        }
    )
    assert (lifted.opened, lifted.failures) == (True, FailureRun("timeout", 5))
    assert lifted.sources == ["scraper b3", "host a.br"]


def a_change(name: str, before: str, after: str) -> ControlFact:
    return ControlFact("1-0", 9, 7, 42, NOW, name, before, after, "ana")


def test_an_event_has_the_fields_of_the_contract_s_events_without_a_job() -> None:
    assert gate_event(a_change("open:scraper:b3", "", '0|{"who":"ana","error":"stale prices"}')) == {
        "event": "breaker_opened", "job_id": None, "scraper_name": "b3", "ticker": None, "status": "open",
        "success": None, "timestamp": "2026-11-24T18:30:00.000+00:00",
        "event_id": "open:scraper:b3:7:42:breaker_opened", "who": "ana", "why": "stale prices",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "before", "after", "event"),
    [
        ("open:scraper:b3", "1|{}", "2|{", ("breaker_opened", "open", None)),
        ("open:scraper:b3", "1|{}", "", ("breaker_closed", "closed", None)),
        ("login:scraper:b3", "", '0|{"why":"no file"}', ("login_needed", "needs login", "no file")),
        ("login:scraper:b3", "0|{}", "", ("login_renewed", "logged in", None)),
    ],
)
def test_breakers_and_logins_are_told_when_they_change(
    name: str, before: str, after: str, event: tuple[str, str, str | None]
) -> None:
    told = gate_event(a_change(name, before, after))
    assert told is not None
    assert (told["event"], told["status"], told["why"]) == event


@pytest.mark.parametrize("name", ["cap:scraper:b3", "pause:scraper:b3", "hold:scraper:b3", "failures:scraper:b3"])
def test_other_changes_are_no_events(name: str) -> None:
    assert gate_event(a_change(name, "1", "")) is None
