"""Where a setting comes from, and what a bad one says."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pregao.settings import InvalidSettings, RunFile, Settings


def load(env_file: Path | None = None, **environ: str) -> Settings:
    return Settings.load(env_file, environ=environ)


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@contextmanager
def a_system_up_in(home: Path) -> Iterator[None]:
    """The run file of a system, and the lock that its process holds."""
    home.mkdir(exist_ok=True)
    RunFile(pid=1, started_at="", redis_url="redis://run/0", database_url="postgresql://run/x").write(home)
    with (home / "owner.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_defaults_are_the_contracts() -> None:
    settings = load()

    assert (settings.concurrent_jobs, settings.max_retries, settings.timeout_ms) == (3, 3, 60_000)
    assert (settings.api_host, settings.api_port) == ("127.0.0.1", 3000)
    assert (settings.key_prefix, settings.renew_ms) == ("scraper:", 5_000)


@pytest.mark.parametrize(
    ("variables", "marks"),
    [
        ({}, (85, 80)),
        ({"PREGAO_MEMORY_HIGH_PERCENT": "70"}, (70, 65)),
        ({"PREGAO_MEMORY_HIGH_PERCENT": "3"}, (3, 0)),
        ({"PREGAO_MEMORY_LOW_PERCENT": "60"}, (85, 60)),
        ({"PREGAO_MEMORY_HIGH_PERCENT": "90", "PREGAO_MEMORY_LOW_PERCENT": "90"}, (90, 90)),
        ({"PREGAO_MEMORY_HIGH_PERCENT": "0", "PREGAO_MEMORY_LOW_PERCENT": "50"}, (0, 50)),
    ],
)
def test_the_low_mark_of_memory_is_below_the_high_one(variables: dict[str, str], marks: tuple[float, float]) -> None:
    assert load(**variables).memory_mark_percents == marks


@pytest.mark.parametrize(("lease_ms", "renew_ms"), [(300, 100), (15_000, 5_000), (3_600_000, 5_000)])
def test_a_lease_is_renewed_three_times_and_often_enough_to_show_that_the_worker_lives(
    lease_ms: int, renew_ms: int
) -> None:
    assert load(PREGAO_LEASE_MS=str(lease_ms)).renew_ms == renew_ms


def test_the_environment_wins_over_the_file_and_unknown_keys_are_ignored(tmp_path: Path) -> None:
    file = written(tmp_path / ".env", "API_PORT=4000\nSCRAPER_CONCURRENT_JOBS=7\nJWT_SECRET=x\nNODE_ENV=production\n")

    settings = load(file, API_PORT="5000", ANYTHING="else")

    assert (settings.api_port, settings.concurrent_jobs) == (5000, 7)


def test_an_empty_value_counts_as_not_given(tmp_path: Path) -> None:
    file = written(tmp_path / ".env", "REDIS_PASSWORD=\nAPI_PORT=\n")

    settings = load(file, SCRAPER_TIMEOUT="")

    assert (settings.redis_password, settings.api_port, settings.timeout_ms) == (None, 3000, 60_000)


def test_a_missing_env_file_is_no_error(tmp_path: Path) -> None:
    assert load(tmp_path / "none").api_port == 3000


@pytest.mark.parametrize(
    ("variable", "value", "fix"),
    [
        ("API_PORT", "http", "use a whole number"),
        ("API_PORT", "70000", "use 65535 or less"),
        ("SCRAPER_CONCURRENT_JOBS", "0", "use 1 or more"),
        ("SCRAPER_MAX_RETRIES", "-5", "use 0 or more"),
        ("PREGAO_GRACE_SECONDS", "long", "use a number"),
        ("CHROME_HEADLESS", "perhaps", "use true or false"),
        ("PREGAO_FSYNC", "sometimes", "use 'everysec' or 'always'"),
        ("LOG_LEVEL", "LOUD", "use 'TRACE', 'DEBUG'"),
        ("PREGAO_SCRAPERS", "my.module", "use import paths as module:Class"),
        ("SCRAPERS_LOAD_SECONDS", "0", "use more than 0"),
        ("SCRAPER_BROWSERS", "0", "use 1 or more"),
        ("SCRAPER_BROWSER_DISTANCE_SECONDS", "-1", "use 0 or more"),
        ("PREGAO_MEMORY_HIGH_PERCENT", "101", "use 100 or less"),
        ("PREGAO_MEMORY_LOW_PERCENT", "90", "use 85 or less: it is the mark below PREGAO_MEMORY_HIGH_PERCENT"),
        ("PREGAO_UPSTREAM_BCB", "127.0.0.1", "use a URL that starts with http:// or https://"),
        ("PREGAO_USER_AGENT_BCB", "Pregão", "use the text of an HTTP header: printable ASCII"),
        ("PREGAO_USER_AGENT_BCB", "  ", "use the text of an HTTP header: printable ASCII"),
    ],
)
def test_a_bad_value_names_the_variable_the_value_and_what_is_allowed(variable: str, value: str, fix: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        load(**{variable: value})

    assert str(caught.value).startswith(f"{variable}: {value!r} is not allowed; {fix}")


def test_all_bad_values_are_named_at_once() -> None:
    with pytest.raises(InvalidSettings) as caught:
        load(API_PORT="x", SCRAPER_TIMEOUT="y", PREGAO_LEASE_MS="z")

    assert {problem.field for problem in caught.value.problems} == {"API_PORT", "SCRAPER_TIMEOUT", "PREGAO_LEASE_MS"}
    assert str(caught.value).count("\n") == 2


@pytest.mark.parametrize("variable", ["REDIS_URL", "DATABASE_URL"])
def test_a_bad_url_is_refused_without_showing_its_password(variable: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        load(**{variable: "mysql://root:secret@host/db"})

    assert variable in str(caught.value)
    assert "secret" not in str(caught.value)


def test_passwords_are_not_in_the_representation() -> None:
    settings = load(REDIS_PASSWORD="hush", DB_PASSWORD="hush", DATABASE_URL="postgresql://u:hush@h/d")

    assert "hush" not in repr(settings)


def test_keys_are_read_by_name_and_are_in_no_representation(tmp_path: Path) -> None:
    file = written(tmp_path / ".env", "OPENAI_API_KEY=' sk-hush '\nMY_NEWS_TOKEN=hush2\n")

    settings = load(file, COINMARKETCAP_API_KEY="hush3", GEMINI_API_KEY="")

    assert settings.secret("OPENAI_API_KEY") == "sk-hush"
    assert settings.secret("MY_NEWS_TOKEN") == "hush2"
    assert settings.secret("COINMARKETCAP_API_KEY") == "hush3"
    assert settings.secret("GEMINI_API_KEY") is settings.secret("BRAPI_TOKEN") is None
    assert all("hush" not in text for text in (repr(settings), str(settings), str(settings.model_dump())))


@pytest.mark.parametrize("value", ["two\nlines-of-hush", "hush é", "a hush b", "  "])
def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(value: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        load(OPENAI_API_KEY=value)

    assert (caught.value.field, caught.value.value) == ("OPENAI_API_KEY", "(hidden)")
    assert "ASCII text without spaces" in str(caught.value)
    assert "hush" not in str(caught.value)


def test_a_foreign_variable_that_only_looks_like_a_key_is_no_error() -> None:
    assert load(OTHER_TOKEN="free text, not ours").secret("OTHER_TOKEN") is None


def test_no_server_is_the_users_own_when_none_is_named() -> None:
    settings = load()

    assert (settings.own_redis_url, settings.own_database_url) == (None, None)


def test_contract_variables_make_urls_with_their_parts_quoted() -> None:
    settings = load(
        REDIS_HOST="cache", REDIS_PORT="6380", REDIS_DB="2", REDIS_PASSWORD="a/b@c",
        DB_HOST="db", DB_PORT="5433", DB_USERNAME="in vest", DB_PASSWORD="p:w", DB_DATABASE="b3",
    )  # fmt: skip

    assert settings.own_redis_url == "redis://:a%2Fb%40c@cache:6380/2"
    assert settings.own_database_url == "postgresql://in%20vest:p%3Aw@db:5433/b3"


def test_parts_that_are_left_out_have_the_usual_defaults() -> None:
    settings = load(REDIS_HOST="::1", DB_DATABASE="b3")

    assert settings.own_redis_url == "redis://[::1]:6379/0"
    assert settings.own_database_url == "postgresql://postgres@localhost:5432/b3"


def test_the_url_variable_wins_over_the_contracts() -> None:
    settings = load(REDIS_URL="redis://url/0", REDIS_HOST="host", DATABASE_URL="postgres://url/x", DB_HOST="host")

    assert settings.resolve_redis_url() == "redis://url/0"
    assert settings.resolve_database_url() == "postgres://url/x"


def test_a_host_in_the_environment_wins_over_a_url_in_the_file(tmp_path: Path) -> None:
    file = written(tmp_path / ".env", "REDIS_URL=redis://file/0\nDATABASE_URL=postgresql://file/x\nREDIS_PASSWORD=pw\n")

    settings = load(file, REDIS_HOST="environment", DB_HOST="environment")

    assert settings.resolve_redis_url() == "redis://:pw@environment:6379/0"
    assert settings.resolve_database_url() == "postgresql://postgres@environment:5432/postgres"


def test_without_a_named_server_the_running_system_of_the_home_is_used(tmp_path: Path) -> None:
    settings = load(PREGAO_HOME=str(tmp_path / "home"))

    with a_system_up_in(tmp_path / "home"):
        assert settings.resolve_redis_url() == "redis://run/0"
        assert settings.resolve_database_url() == "postgresql://run/x"


def test_a_run_file_whose_system_is_gone_is_not_used(tmp_path: Path) -> None:
    settings = load(PREGAO_HOME=str(tmp_path / "home"))
    with a_system_up_in(tmp_path / "home"):
        pass

    assert settings.resolve_redis_url() == "redis://127.0.0.1:6379/0"


def test_a_named_server_wins_over_the_running_system(tmp_path: Path) -> None:
    settings = load(PREGAO_HOME=str(tmp_path / "home"), REDIS_URL="redis://mine/0")

    with a_system_up_in(tmp_path / "home"):
        assert settings.resolve_redis_url() == "redis://mine/0"


def test_an_upstream_is_replaced_by_its_variable_in_the_environment_or_the_file(tmp_path: Path) -> None:
    file = written(tmp_path / ".env", "PREGAO_UPSTREAM_B3=http://127.0.0.1:9001\n")

    settings = load(file, PREGAO_UPSTREAM_BCB="http://127.0.0.1:9000/")

    assert settings.upstream("bcb", "https://real") == "http://127.0.0.1:9000"
    assert settings.upstream("B3", "https://real") == "http://127.0.0.1:9001"
    assert settings.upstream("other", "https://real/") == "https://real"


def test_a_source_is_told_another_user_agent_by_its_variable() -> None:
    settings = load(PREGAO_USER_AGENT_BCB=" Mozilla/5.0 (own) ")

    assert settings.user_agent("bcb", "ours") == "Mozilla/5.0 (own)"
    assert settings.user_agent("B3", "ours") == "ours"


def test_extra_scrapers_are_a_list_of_import_paths() -> None:
    assert load(PREGAO_SCRAPERS="my.module:One, my.module:Two,").extra_scrapers == ("my.module:One", "my.module:Two")


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("REDIS_URL", "redis://localhost:abc", "a port from 1 to 65535"),
        ("REDIS_URL", "redis://localhost:99999", "a port from 1 to 65535"),
        ("REDIS_URL", "redis://localhost/notadb", "the number of a database"),
        ("DATABASE_URL", "postgresql://u@h:notaport/db", "a port from 1 to 65535"),
        ("DATABASE_URL", "postgresql://u@[::1/db", "brackets like [::1]"),
        ("PREGAO_PREFIX", " ", "without spaces"),
        ("PREGAO_GRACE_SECONDS", "nan", "a finite number"),
    ],
)
def test_a_value_that_only_looks_right_is_refused_with_what_is_allowed(variable: str, value: str, allowed: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        Settings.load(None, environ={variable: value})
    assert caught.value.field == variable
    assert allowed in caught.value.fix


def test_an_env_file_that_is_no_text_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"API_PORT=3000\nNOTE=caf\xe9\n")
    with pytest.raises(InvalidSettings, match="save it as UTF-8 text"):
        Settings.load(file, environ={})


def test_several_directories_of_scrapers_are_separated_as_in_path_or_by_commas(tmp_path: Path) -> None:
    one, two, three = (tmp_path / name for name in ("one", "two", "three"))
    for folder in (one, two, three):
        folder.mkdir()

    settings = load(SCRAPERS_PATH=f"{one}:{two}/, {three} ,{one}")

    assert settings.scrapers_path == (one, two, three)


def test_a_directory_of_scrapers_may_be_given_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "python-scrapers").mkdir()
    monkeypatch.chdir(tmp_path)

    assert load(SCRAPERS_PATH="python-scrapers").scrapers_path == (tmp_path / "python-scrapers",)


def test_a_directory_of_scrapers_that_cannot_be_one_is_refused_with_its_fix(tmp_path: Path) -> None:
    file = written(tmp_path / "scraper.py", "")

    with pytest.raises(InvalidSettings) as caught:
        load(SCRAPERS_PATH=f"{tmp_path / 'nowhere'},{file}")

    assert [str(problem) for problem in caught.value.problems] == [
        f"SCRAPERS_PATH: '{tmp_path / 'nowhere'}' does not exist; correct the path, or create the directory",
        f"SCRAPERS_PATH: '{file}' is not a directory; name the directory that holds it: {tmp_path}",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_directory_of_scrapers_that_may_not_be_read_is_refused_with_its_fix(tmp_path: Path) -> None:
    tmp_path.chmod(0)
    try:
        with pytest.raises(InvalidSettings, match=f"cannot be read; let this user read it: chmod u\\+rx {tmp_path}"):
            load(SCRAPERS_PATH=str(tmp_path))
    finally:
        tmp_path.chmod(0o700)


def test_scrapers_get_the_users_environment_and_env_file(tmp_path: Path) -> None:
    file = written(tmp_path / ".env", "CHROME_HEADLESS=false\nPLATFORM_MODE=file\n")

    variables = load(file, PLATFORM_MODE="environment", PATH="/bin").scraper_environment.variables

    assert variables == {"CHROME_HEADLESS": "false", "PLATFORM_MODE": "environment", "PATH": "/bin"}


def test_scrapers_do_not_get_our_secrets(tmp_path: Path) -> None:
    file = written(tmp_path / ".env", "DB_PASSWORD=a\nREDIS_URL=redis://:b@h/0\n")

    environment = load(
        file,
        REDIS_PASSWORD="c",
        DATABASE_URL="postgresql://u:d@h/e",
        PREGAO_API_KEY="f",
        PREGAO_ADMIN_TOKEN="g",
        DB_HOST="h",
    ).scraper_environment

    assert environment.variables == {"DB_HOST": "h"}
    assert environment.withheld == {
        "DB_PASSWORD", "REDIS_URL", "REDIS_PASSWORD", "DATABASE_URL", "PREGAO_API_KEY", "PREGAO_ADMIN_TOKEN",
    }  # fmt: skip


def test_scrapers_get_the_secrets_that_the_user_lists() -> None:
    environment = load(DB_PASSWORD="a", REDIS_PASSWORD="b", SCRAPERS_ENV=" DB_PASSWORD, DB_HOST ").scraper_environment

    assert environment.variables["DB_PASSWORD"] == "a"
    assert environment.withheld == {"REDIS_PASSWORD"}


def test_what_is_listed_for_scrapers_has_to_be_names() -> None:
    with pytest.raises(InvalidSettings, match="SCRAPERS_ENV: 'DB PASSWORD' is not allowed; use names of environment"):
        load(SCRAPERS_ENV="DB PASSWORD")


def test_secrets_for_scrapers_are_not_in_the_representation() -> None:
    assert "hush" not in repr(load(DB_PASSWORD="hush", SCRAPERS_ENV="DB_PASSWORD", OTHER="hush"))
