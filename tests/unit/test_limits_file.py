"""config/scrapers.yaml: every key, and everything that can be wrong with it, told with line and fix."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.limiting import SomeNames, layers, limits_of, loaded

from pregao.configuration.problem import FileRefused
from pregao.domain.failure import FailureAction, FailureClass, failure
from pregao.domain.retry import Backoff
from pregao.limits.catalogue import DEFAULTS, SCRAPER_KEYS
from pregao.limits.file import load_limits
from pregao.limits.rate import Rate
from pregao.limits.values import Bounds, HostLimits, ResultChecks, SessionFile
from pregao.scrapers.registry import Registry
from pregao.settings import Settings

SHIPPED = Path(__file__).parents[2] / "config" / "scrapers.yaml"
WHOLE = """
scrapers:
  B3:
    enabled: false
    timeout_seconds: 12.5
    max_retries: 0
    backoff: {base_seconds: 1, cap_seconds: 60, jitter: 0.5}
    concurrency: 3
    rate: 30/min
    min_interval_seconds: 0.5
    weight: 2
    memory_mb: 512
    cpu_seconds: 30
    executor: in_loop
    initialize: never
    cleanup_seconds: 1
    canary: 0123
    hosts: [WWW.B3.com.br, "api.b3.com.br:8443"]
    breaker_failures: 9
    failure_policy: {network: fail, not_found: retry, bug: none}
    session_files:
      - cookies/b3.txt
      - {path: cookies/b3.json, max_age_days: 7, cookies: [session]}
    result_checks:
      required: [price, name]
      min_fields: 5
      ranges: {price: {min: 0.01}, rsi: {min: 0, max: 100}}
      block_pages: false
      block_patterns: [Bloqueado]
      max_deviation: {price: 50}
      deviation_days: 3
      on_failure: suspect
"""


def test_every_key_is_read(tmp_path: Path) -> None:
    found = limits_of(tmp_path, WHOLE)
    assert (found.enabled, found.timeout_seconds, found.max_retries) == (False, 12.5, 0)
    assert found.backoff == Backoff(1_000, 60_000, 0.5)
    assert (found.concurrency, found.rate, found.min_interval_seconds) == (3, Rate(30, 60_000), 0.5)
    assert (found.weight, found.memory_mb, found.cpu_seconds) == (2, 512, 30)
    assert (found.executor, found.initialize, found.cleanup_seconds) == ("in_loop", "never", 1)
    assert (found.canary, found.hosts) == ("0123", ("www.b3.com.br", "api.b3.com.br:8443"))
    assert found.breaker_failures == 9
    assert found.failure_policy == {
        FailureClass.NETWORK: FailureAction.FAIL,
        FailureClass.NOT_FOUND: FailureAction.RETRY,
    }
    assert found.session_files == (
        SessionFile(path="cookies/b3.txt"),
        SessionFile(path="cookies/b3.json", max_age_days=7, cookies=("session",)),
    )
    assert found.result_checks == ResultChecks(
        required=("price", "name"),
        min_fields=5,
        ranges={"price": Bounds(min=0.01), "rsi": Bounds(min=0, max=100)},
        block_pages=False,
        block_patterns=("Bloqueado",),
        max_deviation={"price": 50.0},
        deviation_days=3.0,
        on_failure="suspect",
    )


def test_the_whole_example_has_every_key_there_is(tmp_path: Path) -> None:
    named = set(loaded(tmp_path, WHOLE).scrapers["b3"].values)
    policies = {name for name in SCRAPER_KEYS if name.startswith("failure_policy.")}
    assert named - policies == SCRAPER_KEYS.keys() - policies


def test_a_policy_decides_what_follows_and_without_one_the_failure_does(tmp_path: Path) -> None:
    found = limits_of(tmp_path, WHOLE)
    assert found.action_after(failure(FailureClass.NETWORK, "x")) is FailureAction.FAIL
    assert found.action_after(failure(FailureClass.BUG, "x")) is FailureAction.FAIL
    assert found.action_after(failure(FailureClass.BUG, "x", retryable=True)) is FailureAction.RETRY


def test_defaults_are_for_all_and_a_scraper_s_own_word_is_stronger(tmp_path: Path) -> None:
    text = """
    defaults: {concurrency: 2, backoff: {base_seconds: 5}, result_checks: {min_fields: 3}}
    scrapers:
      B3: {concurrency: none, backoff: {jitter: 0.1}}
    """
    own, other = limits_of(tmp_path, text), limits_of(tmp_path, text, "Anything")
    assert (own.concurrency, other.concurrency) == (None, 2)
    assert (own.backoff, other.backoff) == (Backoff(5_000, 900_000, 0.1), Backoff(5_000, 900_000, 0.0))
    assert own.result_checks.min_fields == other.result_checks.min_fields == 3


def test_hosts_have_limits_of_their_own(tmp_path: Path) -> None:
    file = loaded(
        tmp_path,
        """
        scrapers: {B3: {hosts: [b3.com.br, slow.br]}}
        hosts:
          B3.com.br.: {concurrency: 3, rate: 10/min}
          slow.br: {honour_retry_after: false}
        """,
    )
    assert (file.problems, file.warnings) == ([], [])
    assert layers(file).host("b3.com.br") == HostLimits(concurrency=3, rate=Rate(10, 60_000))
    assert layers(file).host("slow.br") == HostLimits(honour_retry_after=False)
    assert layers(file).host("other.br") == HostLimits()


@pytest.mark.parametrize("text", ["", "# nothing\n", "scrapers:\n", "defaults: {}\nscrapers: {}\nhosts: {}\n"])
def test_a_file_may_say_nothing(tmp_path: Path, text: str) -> None:
    file = loaded(tmp_path, text)
    assert (file.problems, file.scrapers, file.hosts, file.missing) == ([], {}, {}, False)
    assert layers(file).settings_of("B3")["timeout_seconds"].value == DEFAULTS["timeout_seconds"]


def test_a_file_may_be_missing(tmp_path: Path) -> None:
    file = load_limits(tmp_path / "none.yaml", SomeNames().resolve_known)
    assert (file.missing, file.problems, file.usable) == (True, [], True)


@pytest.mark.parametrize("text", ["scrapers: [", "a: b: c", "a:\n\t- x"])
def test_what_is_no_yaml_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(FileRefused, match=r"scrapers\.yaml:\d+.*is not YAML"):
        loaded(tmp_path, text)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileRefused, match="cannot be read"):
        load_limits(tmp_path / "file" / "scrapers.yaml", SomeNames().resolve_known)


@pytest.mark.parametrize(
    ("written_as", "field", "problem", "fix"),
    [
        ("concurency: 3", "concurency", "is not a field here", "did you mean concurrency?"),
        ("backof: {jitter: 1}", "backof", "is not a field here", "did you mean backoff?"),
        ("backoff: {base: 1}", "backoff.base", "backoff takes base_seconds, cap_seconds, jitter", "remove it"),
        ("backoff: 3", "backoff", "is not a mapping", "indent below it base_seconds"),
        ("backoff: {jitter: 2}", "backoff.jitter", "is out of range", "use 0 to 1"),
        ("backoff: {base_seconds: 1000}", "backoff.base_seconds", "is above backoff.cap_seconds", "raise the one"),
        ("enabled: on", "enabled", "is not true or false", "without quotes"),
        ("enabled: 'no'", "enabled", "is not true or false", "without quotes"),
        ("timeout_seconds: 0", "timeout_seconds", "is out of range", "use more than 0 and at most 86400"),
        ("timeout_seconds: .nan", "timeout_seconds", "is not a number", "use more than 0"),
        ("timeout_seconds: 10:30", "timeout_seconds", "is not a number", "use more than 0"),
        ("timeout_seconds: true", "timeout_seconds", "is not a number", "use more than 0"),
        ("max_retries: 3.5", "max_retries", "is not a whole number", "use 0 to 100"),
        ("max_retries: 101", "max_retries", "is out of range", "use 0 to 100"),
        ("concurrency: 0", "concurrency", "is out of range", "use 1 to 10000; or none"),
        ("concurrency:", "concurrency", "is empty", "write a value, or leave it out"),
        ("rate: 30", "rate", "is not a rate", "write for example 30/min"),
        ("rate: 30/fortnight", "rate", "is not a rate", "or none"),
        ("weight: 0", "weight", "is out of range", "use 1 to 1000"),
        ("memory_mb: 8", "memory_mb", "is out of range", "use 16 to 1048576"),
        ("executor: process", "executor", "is not allowed here", "use isolated or in_loop"),
        ("initialize: sometimes", "initialize", "is not allowed here", "use auto, always or never"),
        ("canary: true", "canary", "is not text", "write it in quotes"),
        ("hosts: https://www.b3.com.br/x", "hosts", "is an address, not a host", "write www.b3.com.br"),
        ("hosts: [ok.br, 'not a host']", "hosts[1]", "is not a host", "write its name"),
        ("failure_policy: {network: sometimes}", "failure_policy.network", "is not allowed", "retry, snooze, fail or"),
        ("failure_policy: {netwrk: fail}", "failure_policy.netwrk", "is not a field here", "did you mean network?"),
        ("session_files: [{file: x}]", "session_files[0]", "has 'file', which is not known", "use path"),
        ("session_files: [{max_age_days: 1}]", "session_files[0]", "has no path", "write for example"),
        ("session_files: [{path: x, max_age_days: 0}]", "session_files[0].max_age_days", "is out of range", "use"),
        ("result_checks: {requird: [a]}", "result_checks.requird", "is not a field here", "did you mean required?"),
        ("result_checks: {ranges: {p: 3}}", "result_checks.ranges.p", "is not a mapping", "{min: 0, max: 100}"),
        ("result_checks: {ranges: {p: {}}}", "result_checks.ranges.p", "has neither min nor max", "write for"),
        ("result_checks: {ranges: {p: {min: 2, max: 1}}}", "result_checks.ranges.p", "ends before it begins", "swap"),
        ("result_checks: {max_deviation: {p: -1}}", "result_checks.max_deviation.p", "is out of range", "more than 0"),
        ("result_checks: {on_failure: warn}", "result_checks.on_failure", "is not allowed here", "fail or suspect"),
        ("result_checks: {min_fields: x}", "result_checks.min_fields", "is not a whole number", "or none"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_scraper_is_told_with_field_line_and_fix(
    tmp_path: Path, written_as: str, field: str, problem: str, fix: str
) -> None:
    file = loaded(tmp_path, f"scrapers:\n  B3:\n    {written_as}\n    cleanup_seconds: 9\n")
    (found,) = file.problems
    assert (found.line, found.kind, found.entry, found.field) == (3, "scraper", "B3", field)
    assert problem in found.problem
    assert fix in found.fix
    assert str(found).startswith(f"{tmp_path}/scrapers.yaml:3: scraper B3: {field}: ")
    assert not file.usable
    # What is right about the entry is there all the same.
    assert layers(file).limits_of("B3").cleanup_seconds == 9


@pytest.mark.parametrize(
    ("text", "line", "entry", "told"),
    [
        ("[1, 2]", 1, None, "'[1, 2]' is not a mapping; write defaults:"),
        ("scraper: {}\n", 1, None, "scraper: '{}' is not a field here: the file takes defaults, scrapers, hosts"),
        ("scrapers: 3\n", 1, None, "scrapers: '3' is not a mapping of names; indent each scraper below it"),
        ("hosts: [a.br]\n", 1, None, "is not a mapping of names; indent each host below it"),
        ("defaults: 3\n", 1, None, "defaults: '3' is not a mapping"),
        ("scrapers:\n  B3: 3\n", 2, "B3", "'3' has no keys below it; indent its limits"),
        ("scrapers:\n  B3: {weight: 1}\n  B3: {weight: 2}\n", 3, "B3", "is written twice, first on line 2"),
        ("scrapers:\n  B3: {weight: 1}\n  b-3: {weight: 2}\n", 3, "b-3", "is B3, which is in the file already"),
        ("scrapers:\n  B3:\n    weight: 1\n    weight: 2\n", 4, "B3", "weight: is written twice, first on line 3"),
        ("scrapers:\n  '!': {weight: 1}\n", 2, "!", "is not the name of a scraper"),
        ("scrapers:\n  Inv: {weight: 1}\n", 2, "Inv", "is ambiguous; write one of Investidor10, Investing.com"),
        ("defaults:\n  canary: PETR4\n", 2, "defaults", "canary: 'PETR4' belongs to one scraper"),
        ("defaults:\n  hosts: [a.br]\n", 2, "defaults", "belongs to one scraper; write it below the scraper's name"),
        ("defaults:\n  wieght: 2\n", 2, "defaults", "did you mean weight?"),
        ("hosts:\n  a.br: {rat: 1/s}\n", 2, "a.br", "did you mean rate?"),
        ("hosts:\n  a.br: {weight: 1}\n", 2, "a.br", "it takes concurrency, rate, honour_retry_after"),
        ("hosts:\n  a.br: {rate: 1/s}\n  A.br: {rate: 2/s}\n", 3, "A.br", "is in the file already; join the two"),
        ("hosts:\n  https://a.br/x: {rate: 1/s}\n", 2, "https://a.br/x", "is an address, not a host; write a.br"),
    ],
)
def test_what_is_wrong_with_the_file_is_told_where_it_is(
    tmp_path: Path, text: str, line: int, entry: str | None, told: str
) -> None:
    file = loaded(tmp_path, text)
    (found,) = file.problems
    assert (found.line, found.entry) == (line, entry)
    assert told in str(found)


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    text = "scrapers:\n  B3: {weight: 0, rate: x}\n  Google News: {bogus: 1}\nhosts: {a.br: {rate: 0/s}}\n"
    fields = [(found.entry, found.field) for found in loaded(tmp_path, text).problems]
    assert fields == [("B3", "weight"), ("B3", "rate"), ("Google News", "bogus"), ("a.br", "rate")]


def test_an_unknown_scraper_is_a_warning_with_the_one_that_was_meant(tmp_path: Path) -> None:
    file = loaded(tmp_path, "scrapers:\n  Google Nws: {weight: 2}\n")
    (warning,) = file.warnings
    assert "scraper Google Nws: is not a known scraper here; did you mean Google News?" in str(warning)
    assert file.usable
    assert layers(file).limits_of("google nws").weight == 2


def test_a_host_that_no_scraper_declares_is_a_warning(tmp_path: Path) -> None:
    file = loaded(tmp_path, "hosts:\n  a.br: {rate: 1/s}\n")
    assert "host a.br: is declared by no scraper; add it to the `hosts`" in str(file.warnings[0])
    assert (file.warnings[0].line, file.usable) == (2, True)


def test_a_loose_name_is_the_scraper_that_it_stands_for(tmp_path: Path) -> None:
    file = loaded(tmp_path, "scrapers:\n  GoogleNews: {weight: 2}\n")
    assert file.scrapers["googlenews"].name == "Google News"
    assert file.summary == "limits of 1 scraper and 0 hosts"


def test_anchors_are_expanded_and_may_stand_under_names_of_their_own(tmp_path: Path) -> None:
    text = """
    x-slow: &slow {rate: 10/min, concurrency: 1}
    scrapers:
      B3: {<<: *slow, concurrency: 2}
      Google News: *slow
    """
    assert (limits_of(tmp_path, text).rate, limits_of(tmp_path, text).concurrency) == (Rate(10, 60_000), 2)
    assert limits_of(tmp_path, text, "google news").concurrency == 1


def test_an_entry_with_nothing_below_it_says_nothing(tmp_path: Path) -> None:
    assert loaded(tmp_path, "scrapers:\n  B3:\n  Google News: {}\n").problems == []


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from([*SCRAPER_KEYS, "backoff", "min", "path", "x"]), inner, max_size=3)
        ),
        max_leaves=12,
    ),
    st.sampled_from(["defaults", "scrapers", "hosts"]),
)
def test_whatever_is_written_is_read_or_told(
    tmp_path_factory: pytest.TempPathFactory, value: object, section: str
) -> None:
    from ruamel.yaml import YAML

    path = tmp_path_factory.mktemp("any") / "scrapers.yaml"
    with path.open("w", encoding="utf-8", errors="ignore") as stream:
        YAML(typ="safe", pure=True).dump({section: {"B3": value} if section != "defaults" else value}, stream)
    try:
        file = load_limits(path, SomeNames().resolve_known)
    except FileRefused:
        return
    assert all(problem.line and problem.fix for problem in file.problems)
    layers(file).limits_of("B3")


def test_the_shipped_file_is_sound_and_knows_every_scraper_that_comes_along() -> None:
    registry = Registry.load(Settings.load(None, environ={}))
    file = load_limits(SHIPPED, registry.resolve_known)
    assert [str(found) for found in file.problems + file.warnings] == []
    assert sorted(section.name for section in file.scrapers.values()) == sorted(registry.names())


def test_the_page_of_limits_has_every_key() -> None:
    page = (SHIPPED.parents[1] / "docs" / "limits.md").read_text()
    assert [name for name in SCRAPER_KEYS if f"`{name}`" not in page and "failure_policy" not in name] == []
    assert [action for action in FailureAction if f"`{action.value}`" not in page] == []
    assert [item.value for item in FailureClass if f"`{item.value}`" not in page] == []


@pytest.mark.parametrize("page", ["limits.md", "bring-your-own-scrapers.md"])
def test_the_examples_of_the_pages_are_sound(page: str, tmp_path: Path) -> None:
    text = (SHIPPED.parents[1] / "docs" / page).read_text()
    examples = [part.partition("\n```")[0] for part in text.split("```yaml\n")[1:]]
    whole = [example for example in examples if example.startswith(("defaults:", "scrapers:"))]
    path = tmp_path / "scrapers.yaml"
    for example in whole:
        path.write_text(example)
        assert [str(problem) for problem in load_limits(path, lambda name: name).problems] == []
    assert whole
