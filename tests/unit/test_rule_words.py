"""A rule in words, as a person would say it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pregao.domain.rule_words import in_words
from pregao.domain.schedule import CronFields, Every, Once, Rule, UnixCron


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (CronFields(hour="10", minute="30", day_of_week="0-4"), "at 10:30, Monday to Friday"),
        (
            CronFields(hour="9-17", minute="0", day_of_week="mon-fri"),
            "every hour from 09:00 to 17:00, Monday to Friday",
        ),
        (CronFields(hour="8-18/2", minute="15"), "every 2 hours from 08:15 to 18:15"),
        (CronFields(hour="9,12,15", minute="5"), "at 09:05, 12:05 and 15:05"),
        (CronFields(hour="*/2", minute="0"), "every 2 hours"),
        (CronFields(minute="30"), "every hour at minute 30"),
        (CronFields(minute="*/15", hour="10-16"), "every 15 minutes from 10:00 to 16:59"),
        (CronFields(minute="*", hour="9"), "every minute from 09:00 to 09:59"),
        (CronFields(), "every minute"),
        (CronFields(minute="5,20", hour="9-17"), "at minute 5,20 of hour 9-17"),
        (CronFields(second="*/10"), "at second */10 of every minute of every hour"),
        (CronFields(hour="0", minute="0", day="1"), "at 00:00, on day 1"),
        (CronFields(hour="3", minute="0", day="last"), "at 03:00, on the last day of the month"),
        (CronFields(hour="3", minute="0", day="1st mon", month="1,7"), "at 03:00, on the 1st mon, in January and July"),
        (CronFields(hour="3", minute="0", day="13", day_of_week="fri"), "at 03:00, on day 13 and Friday"),
        (UnixCron("30 10 * * mon-fri"), "at 10:30, Monday to Friday"),
        (UnixCron("0 10 * * 1-5"), "at 10:00, Monday to Friday"),
        (UnixCron("0 10 * * 0,7"), "at 10:00, Sunday"),
        (UnixCron("0 3 13 * 5"), "at 03:00, on day 13 or Friday"),
        (UnixCron("*/5 * * jan-mar *"), "every 5 minutes, in January to March"),
        (UnixCron("0 0 L * *"), "at 00:00, on the last day of the month"),
        (UnixCron("0 0 * * mon#2"), "at 00:00, mon#2"),
        (Every(900), "every 15 minutes"),
        (Every(86_400), "every day"),
        (Every(61), "every 61 seconds"),
        (Once(datetime(2026, 11, 23, 13, 30, tzinfo=UTC)), "once, on Monday 2026-11-23 at 10:30:00"),
    ],
)
def test_a_rule_in_words(rule: Rule, words: str) -> None:
    assert in_words(rule) == words


def terms(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high).map(str)
    span = st.tuples(number, number).map("-".join)
    step = st.tuples(st.one_of(st.just("*"), span), st.integers(1, high).map(str)).map("/".join)
    return st.one_of(st.just("*"), number, span, step, st.lists(st.one_of(number, span), min_size=1).map(",".join))


@given(
    second=terms(0, 59), minute=terms(0, 59), hour=terms(0, 23), day=terms(1, 31), month=terms(1, 12), week=terms(0, 6)
)
def test_every_rule_has_words_on_one_line(second: str, minute: str, hour: str, day: str, month: str, week: str) -> None:
    fields = CronFields(second=second, minute=minute, hour=hour, day=day, month=month, day_of_week=week)
    for rule in (fields, UnixCron(f"{minute} {hour} {day} {month} {week}")):
        words = in_words(rule)
        assert words.startswith(("at ", "every "))
        assert words.isprintable()
