"""Which word counts: override over file over environment over what is built in; and changes from outside."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.limiting import layers, loaded

from pregao.domain.failure import FailureAction, FailureClass
from pregao.domain.retry import Backoff
from pregao.limits.catalogue import SCRAPER_KEYS
from pregao.limits.changes import InvalidLimits, read_changes
from pregao.limits.layers import Layers, Setting, typed
from pregao.limits.publish import Rule, rules_of
from pregao.limits.rate import Rate
from pregao.limits.values import plain
from pregao.store.scraper_overrides import Override

TEXT = """
defaults:
  timeout_seconds: 20
  concurrency: 5
scrapers:
  B3:
    concurrency: 3
"""
ENVIRONMENT = {"timeout_seconds": (60.0, "SCRAPER_TIMEOUT"), "max_retries": (7, "SCRAPER_MAX_RETRIES")}
NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


@pytest.fixture
def all_layers(tmp_path: Path) -> Layers:
    return layers(loaded(tmp_path, TEXT), ENVIRONMENT, weight=4)


def test_each_value_says_where_it_comes_from(all_layers: Layers, tmp_path: Path) -> None:
    found = all_layers.settings_of("B3")
    path = tmp_path / "scrapers.yaml"
    assert found["weight"] == Setting(4, "override", "ana, 2026-11-24")
    assert found["concurrency"] == Setting(3, "file", f"{path}:7")
    assert found["timeout_seconds"] == Setting(20.0, "defaults", f"{path}:3")
    assert found["max_retries"] == Setting(7, "environment", "SCRAPER_MAX_RETRIES")
    assert found["cleanup_seconds"] == Setting(5.0, "built in")
    assert found.keys() == SCRAPER_KEYS.keys()


def test_another_scraper_has_the_defaults_and_not_the_override(all_layers: Layers) -> None:
    found = all_layers.limits_of("Google News")
    assert (found.weight, found.concurrency, found.timeout_seconds) == (1, 5, 20)


def test_names_are_folded(all_layers: Layers) -> None:
    assert all_layers.limits_of(" b-3 ") == all_layers.limits_of("B3")
    assert all_layers.names() == {"b3": "B3"}


def test_without_overrides_the_file_counts(all_layers: Layers) -> None:
    assert all_layers.without_overrides("B3")["weight"] == 1


def override(key: str, value: Any, scraper: str = "B3") -> Override:
    return Override(scraper.lower(), scraper, key, value, "ana", NOW)


def test_overrides_are_read_as_the_file_is() -> None:
    found, problems = typed([override("rate", "10/min"), override("concurrency", "none")])
    assert problems == []
    assert (found["b3"]["rate"].value, found["b3"]["concurrency"].value) == (Rate(10, 60_000), None)
    assert found["b3"]["rate"].at == "2026-11-24T12:00:00.000-03:00"


def test_an_override_that_cannot_be_read_is_left_out_and_told() -> None:
    found, problems = typed([override("rate", "often"), override("sparkle", 1), override("weight", 2)])
    assert list(found["b3"]) == ["weight"]
    assert "override rate of B3: 'often' is not a rate; take it away with `pregao scrapers unset 'B3' rate`" in problems
    assert len(problems) == 2


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"timeout_seconds": 90}, {"timeout_seconds": 90.0}),
        ({"rate": "10 per minute"}, {"rate": "10/min"}),
        ({"concurrency": "none"}, {"concurrency": "none"}),
        ({"concurrency": None}, {"concurrency": None}),
        ({"backoff": {"jitter": 0.5}, "backoff.cap_seconds": 10}, {"backoff.jitter": 0.5, "backoff.cap_seconds": 10.0}),
        (
            {"backoff": None},
            {"backoff.base_seconds": None, "backoff.cap_seconds": None, "backoff.jitter": None},
        ),
        ({"failure_policy": {"blocked": "FAIL"}}, {"failure_policy.blocked": "fail"}),
        ({"hosts": "A.br"}, {"hosts": ["a.br"]}),
        ({"session_files": ["x"]}, {"session_files": [{"path": "x"}]}),
        ({"result_checks": {"ranges": {"p": {"min": 1}}}}, {"result_checks.ranges": {"p": {"min": 1.0}}}),
    ],
)
def test_a_change_is_kept_as_it_is_written(
    all_layers: Layers, document: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert read_changes(document, all_layers, "B3") == expected


def test_what_is_kept_is_read_again() -> None:
    for name, key in SCRAPER_KEYS.items():
        if key.default is not None and key.default not in ((), {}):
            assert key.read(plain(key.default)) == key.default, name


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({}, ["body: {} changes no limit; name at least one"]),
        ({"timeout": 3}, ["timeout: 3 is not a limit of a scraper; did you mean timeout_seconds?"]),
        ({"zzz": 3}, ["zzz: 3 is not a limit of a scraper; known are enabled, timeout_seconds"]),
        ({"zzz": None}, ["zzz: None is not a limit of a scraper"]),
        ({"backoff": 3}, ["backoff: 3 is a group of keys; name one of them: backoff.base_seconds, backoff.jitter"]),
        ({"weight": 0, "rate": 3}, ["weight: 0 is out of range", "rate: 3 is not a rate"]),
        ({"weight": "2"}, ["weight: '2' is not a whole number"]),
        ({"hosts": ["a.br", 3]}, ["hosts[1]: ['a.br', 3] is not a host"]),
        ({"backoff": {"base_seconds": 1000}}, ["backoff.base_seconds: 1000.0 is above backoff.cap_seconds"]),
    ],
)
def test_everything_that_is_wrong_with_a_change_is_told(
    all_layers: Layers, document: dict[str, Any], told: list[str]
) -> None:
    with pytest.raises(InvalidLimits) as caught:
        read_changes(document, all_layers, "B3")
    assert len(caught.value.problems) == len(told)
    assert [str(found)[: len(words)] for found, words in zip(caught.value.problems, told, strict=True)] == told


def test_taking_a_change_back_may_not_leave_a_contradiction(tmp_path: Path) -> None:
    text = "scrapers: {B3: {backoff: {base_seconds: 1000, cap_seconds: 2000}}}"
    changed = layers(loaded(tmp_path, text), **{"backoff.cap_seconds": 500.0, "backoff.base_seconds": 1.0})
    with pytest.raises(InvalidLimits, match="is above"):
        read_changes({"backoff.base_seconds": None}, changed, "B3")


def test_limits_become_one_rule_of_the_queue_each(tmp_path: Path) -> None:
    file = loaded(
        tmp_path,
        """
        scrapers:
          Google News:
            concurrency: 3
            rate: 30/min
            min_interval_seconds: 0.25
            weight: 2
            hosts: [b.br, a.br]
            breaker_failures: 4
            enabled: false
          B3: {breaker_failures: 0}
        hosts:
          a.br: {concurrency: 2, rate: 1/s}
          b.br: {honour_retry_after: false}
        """,
    )
    rules = rules_of(layers(file), ["googlenews", "b3"], "the file")
    assert {name: rule.value for name, rule in rules.items()} == {
        "cap:scraper:googlenews": "3",
        "rate:scraper:googlenews": "30/60000",
        "interval:scraper:googlenews": "250",
        "weight:scraper:googlenews": "2",
        "hosts:scraper:googlenews": "b.br,a.br",
        "breaker:scraper:googlenews": "4",
        "off:scraper:googlenews": "1",
        "cap:host:a.br": "2",
        "rate:host:a.br": "1/1000",
    }
    assert {rule.who for rule in rules.values()} == {"the file"}


def test_a_rule_is_in_the_name_of_whoever_changed_it(tmp_path: Path) -> None:
    rules = rules_of(layers(loaded(tmp_path, TEXT), concurrency=9), ["b3"], "the file")
    assert rules["cap:scraper:b3"] == Rule("9", "ana", "override")
    assert rules["breaker:scraper:b3"] == Rule("5", "the file")


def test_the_built_in_values_are_those_that_the_rest_goes_by() -> None:
    from pregao.limits.catalogue import DEFAULTS
    from pregao.limits.values import ResultChecks, limits_of

    limits = limits_of(DEFAULTS)
    assert limits.backoff == Backoff()
    assert limits.result_checks == ResultChecks()
    assert limits.failure_policy == {}
    assert FailureClass.NETWORK.action is FailureAction.RETRY
