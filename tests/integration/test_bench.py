"""The proof of speed runs: one tiny scenario, without peers and without a bound on its figures."""

from __future__ import annotations

from bench import cotahist
from bench.contestant import PREGAO
from bench.engines import running_engines
from bench.scenarios import drain, memory_growth
from bench.session import Session
from bench.table import Goal, Outcome


def test_a_scenario_without_peers_gives_a_figure_for_pregao() -> None:
    with running_engines() as engines:
        outcome = drain.measure(Session(engines, peers=(), repeats=1, share=0.002))
    assert outcome.figure(PREGAO) > 0
    assert outcome.goals == []


def test_a_worker_on_the_sample_market_is_weighed_before_and_after() -> None:
    with running_engines() as engines:
        outcome = memory_growth.measure(Session(engines, peers=(), repeats=1, share=0.004))
    assert list(outcome.runs) == ["pregao worker, after 20 jobs", "pregao worker, after 40 jobs"]
    assert all(20 < outcome.figure(who) < 500 for who in outcome.runs)
    assert len(outcome.goals) == 1


def test_a_goal_holds_at_its_bound_and_not_beyond() -> None:
    assert Goal("settled", 3.5, 3.5).met
    assert not Goal("settled", 3.4, 3.5).met
    assert Goal("p99", 0.9, 0.9, at_least=False).met
    assert not Goal("p99", 1.0, 0.9, at_least=False).met


def test_a_goal_without_a_figure_is_missed() -> None:
    outcome = Outcome("drain", "jobs/s", runs={PREGAO: [100.0]})
    assert not Goal("settled", outcome.ratio(PREGAO, "taskiq"), 3.5).met
    assert not Goal("latency", outcome.figure("taskiq"), 1, at_least=False).met


def test_a_whole_day_of_cotahist_is_read_as_often_as_asked() -> None:
    taken = cotahist.measure(cotahist.whole_day(), 2)
    assert len(taken) == 2
    assert 0 < taken[0] <= taken[1]
