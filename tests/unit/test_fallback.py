"""Which of several sources answers, and which failure is told."""

from collections.abc import Awaitable, Callable

import pytest

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.base import Collected
from pregao.scrapers.fallback import Way, first_of


class Sources:
    """Ways that answer, or fail with the given class; `asked` has the order."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def way(self, origin: str, failure: FailureClass | None = None) -> Way:
        return Way(origin, self._collector(origin, failure))

    def _collector(self, origin: str, failure: FailureClass | None) -> Callable[[], Awaitable[Collected]]:
        async def collect() -> Collected:
            self.asked.append(origin)
            if failure is not None:
                raise ScrapeError(f"{origin} failed", failure)
            return Collected({"from": origin}, {"rows": 1})

        return collect


@pytest.fixture
def sources() -> Sources:
    return Sources()


async def test_the_first_source_that_answers_is_the_only_one_asked(sources: Sources) -> None:
    found = await first_of(sources.way("a"), sources.way("b"))
    assert (found.data, found.metadata, sources.asked) == ({"from": "a"}, {"rows": 1}, ["a"])


async def test_another_stands_in_for_a_passing_failure_and_says_for_what(sources: Sources) -> None:
    found = await first_of(
        sources.way("a", FailureClass.NETWORK), sources.way("b", FailureClass.NOT_FOUND), sources.way("c")
    )
    assert found.data == {"from": "c"}
    assert found.metadata == {"rows": 1, "instead_of": "a", "because": "a failed"}
    assert sources.asked == ["a", "b", "c"]


async def test_a_lasting_failure_is_told_at_once(sources: Sources) -> None:
    with pytest.raises(ScrapeError, match="a failed"):
        await first_of(sources.way("a", FailureClass.VALIDATION), sources.way("b"))
    assert sources.asked == ["a"]


async def test_the_caller_may_say_which_failures_pass(sources: Sources) -> None:
    found = await first_of(sources.way("a", FailureClass.NOT_FOUND), sources.way("b"), passing=lambda _: True)
    assert found.data == {"from": "b"}


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (FailureClass.NETWORK, FailureClass.NOT_FOUND, "a"),
        (FailureClass.NETWORK, FailureClass.TIMEOUT, "a"),
        (FailureClass.NOT_FOUND, FailureClass.TIMEOUT, "b"),
        (FailureClass.NOT_FOUND, FailureClass.VALIDATION, "a"),
    ],
)
async def test_when_none_helps_the_first_failure_that_is_worth_a_retry_is_told(
    sources: Sources, first: FailureClass, second: FailureClass, told: str
) -> None:
    with pytest.raises(ScrapeError, match=f"{told} failed"):
        await first_of(sources.way("a", first), sources.way("b", second), passing=lambda _: True)
