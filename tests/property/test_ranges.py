"""A range that runs backwards: both ways to write it are sound, and mean what they say."""

from hypothesis import given
from hypothesis import strategies as st

from pregao.domain.schedule import CronFields
from pregao.scheduler.ranges import SPANS, UNIX_SPANS, Span, backward_range
from pregao.scheduler.triggers import check_cron_fields, is_cron_expression

fields = st.sampled_from(sorted(SPANS))


def numbers_of(span: Span, expression: str) -> list[int]:
    """What a list of ranges with steps stands for, in its order."""
    found: list[int] = []
    for term in expression.split(","):
        ends, _, step = term.partition("/")
        first, _, last = ends.partition("-")
        start, end = span.number(first), span.number(last or first)
        assert start is not None
        assert end is not None
        found += range(start, end + 1, int(step or 1))
    return found


def going_round(span: Span, start: int, end: int, every: int) -> list[int]:
    size = span.high - span.low + 1
    return [span.low + (number - span.low) % size for number in range(start, end + size + 1, every)]


@given(field=fields, data=st.data(), every=st.integers(1, 70), named=st.booleans())
def test_both_ways_out_of_a_backward_range_are_sound(field: str, data: st.DataObject, every: int, named: bool) -> None:
    span = SPANS[field]
    end = data.draw(st.integers(span.low, span.high - 1))
    start = data.draw(st.integers(end + 1, span.high))
    if named and span.names:
        term, every = f"{span.names[start - span.low]}-{span.names[end - span.low]}", 1
    else:
        term = f"{start}-{end}" if every == 1 else f"{start}-{end}/{every}"
    found = backward_range(span, f"{span.low},{term}")
    assert found is not None
    assert found.term == term
    assert numbers_of(span, found.swapped) == list(range(end, start + 1, every))
    assert numbers_of(span, found.going_round) == going_round(span, start, end, every)
    for written in (found.swapped, found.going_round):
        assert is_cron_expression(field, written)
        check_cron_fields(CronFields(**{field: written}))


@given(field=st.sampled_from(sorted(UNIX_SPANS)), data=st.data())
def test_a_range_that_goes_upwards_is_none_of_them(field: str, data: st.DataObject) -> None:
    span = UNIX_SPANS[field]
    start = data.draw(st.integers(span.low, span.high))
    end = data.draw(st.integers(start, span.high))
    assert backward_range(span, f"*/2,{start}-{end},{start}-{end}/3") is None


def test_the_days_of_a_unix_expression_count_from_sunday() -> None:
    found = backward_range(UNIX_SPANS["day of week"], "fri-tue")
    assert found is not None
    assert found.fix == "write tue-fri, or fri-sat,sun-tue to go round"
