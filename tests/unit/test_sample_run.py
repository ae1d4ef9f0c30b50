"""What a demo takes over from its surroundings, and the directory that it works in."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from pregao.domain.clock import SystemClock
from pregao.domain.errors import InvalidInput
from pregao.sample_market.access import KEYS, NAMES
from pregao.scheduler.loader import load_schedules
from pregao.scrapers.registry import Registry
from pregao.settings import RunFile, Settings
from pregao.system.sample_run import KEPT, demo_variables, prepare_home, sample_run

REAL = {
    "REDIS_URL": "redis://redis.internal/0",
    "REDIS_HOST": "redis.internal",
    "DATABASE_URL": "postgresql://db.internal/pregao",
    "DB_HOST": "db.internal",
    "PREGAO_PREFIX": "real:",
    "PREGAO_SCHEDULES": "real.yaml",
    "PREGAO_SCRAPERS": "mine:Scraper",
    "SCRAPERS_PATH": "/srv/scrapers",
    "PREGAO_UPSTREAM_B3": "https://proxy.internal",
    "COINMARKETCAP_API_KEY": "real-coin-key",
    "OPENAI_API_KEY": "real-openai-key",
    "GEMINI_API_KEY": "real-gemini-key",
    "BRAPI_TOKEN": "real-brapi-token",
    "PREGAO_AI_PROMPT": "prompt.txt",
}
TAKEN_OVER = {"API_PORT": "3001", "LOG_LEVEL": "DEBUG", "SCRAPER_CONCURRENT_JOBS": "7", "PATH": "/usr/bin", "LANG": "C"}


def settings_of(**environ: str) -> Settings:
    with sample_run(1, environ) as sample:
        return Settings.load(None, environ=sample.environment)


def home_settings(home: Path) -> Settings:
    return Settings.load(None, environ={}, pregao_home=home)


def test_nothing_that_leads_to_anything_real_is_taken_over() -> None:
    with sample_run(1, REAL) as sample:
        settings = Settings.load(None, environ=sample.environment)

        assert settings.own_redis_url is None
        assert settings.own_database_url is None
        assert (settings.key_prefix, settings.extra_scrapers) == ("scraper:", ())
        assert set(REAL.values()) & set(sample.environment.values()) == set()
        assert {name for name in REAL if name in sample.environment} <= set(demo_variables(""))


def test_where_the_api_listens_how_much_is_logged_and_what_is_not_ours_stays() -> None:
    with sample_run(1, TAKEN_OVER) as sample:
        assert {name: sample.environment[name] for name in TAKEN_OVER} == TAKEN_OVER


def test_the_home_is_one_of_its_own_unless_another_is_named() -> None:
    assert settings_of().home == Path.cwd() / ".pregao-demo"
    assert settings_of(PREGAO_HOME="/tmp/elsewhere").home == Path("/tmp/elsewhere")


def test_all_sources_are_at_the_sample_server_and_have_the_keys_that_it_takes() -> None:
    with sample_run(1, {}) as sample:
        settings = Settings.load(None, environ=sample.environment)
        port = sample.listening.getsockname()[1]

        assert settings.sample
        assert {name: settings.upstream(name, "") for name in NAMES} == {
            name: f"http://127.0.0.1:{port}/{name}" for name in NAMES
        }
        assert {name: settings.secret(name) for name in KEYS} == KEYS


def test_every_scraper_has_a_schedule_that_fires_within_half_a_minute() -> None:
    settings = settings_of()
    registry = Registry.load(settings)
    file = load_schedules(settings.schedules_path, resolve=registry.resolve_configured, clock=SystemClock())
    soon = [schedule for schedule in file.schedules.values() if getattr(schedule.rule, "seconds", 999) <= 30]

    assert (file.problems, file.warnings, file.asleep) == ([], [], {})
    assert {file.scrapers[schedule.name] for schedule in soon} == set(registry.names())


def test_settings_that_are_kept_are_settings() -> None:
    assert {field.alias for field in Settings.model_fields.values()} >= KEPT


def test_a_new_home_is_made_and_marked(tmp_path: Path) -> None:
    home = tmp_path / "demo"

    prepare_home(home_settings(home), fresh=False)

    assert home.stat().st_mode & 0o077 == 0
    prepare_home(home_settings(home), fresh=True)  # it knows it again


@pytest.mark.parametrize("fresh", [False, True])
def test_a_directory_that_holds_anything_else_is_refused_and_left_alone(tmp_path: Path, fresh: bool) -> None:
    (tmp_path / "postgres").mkdir()

    with pytest.raises(InvalidInput, match=r"PREGAO_HOME: .* holds data that are no demo's"):
        prepare_home(home_settings(tmp_path), fresh=fresh)

    assert (tmp_path / "postgres").is_dir()


def test_a_real_home_whose_system_is_down_is_refused_too(tmp_path: Path) -> None:
    (tmp_path / "owner.lock").touch()
    (tmp_path / "postgres.password").touch()

    with pytest.raises(InvalidInput):
        prepare_home(home_settings(tmp_path), fresh=True)


def test_data_stay_for_the_next_time_and_downloads_do_not(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    prepare_home(home_settings(home), fresh=False)
    for kept in ("postgres", "cache"):
        (home / kept).mkdir()

    prepare_home(home_settings(home), fresh=False)

    assert (home / "postgres").exists()
    assert not (home / "cache").exists()


def test_fresh_removes_the_data_of_earlier_demos(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    prepare_home(home_settings(home), fresh=False)
    (home / "postgres").mkdir()

    prepare_home(home_settings(home), fresh=True)

    assert not (home / "postgres").exists()


def test_a_demo_that_runs_is_left_alone(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    prepare_home(home_settings(home), fresh=False)
    (home / "cache").mkdir()
    with (home / "owner.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        prepare_home(home_settings(home), fresh=True)

    assert (home / "cache").exists()


def test_commands_in_other_terminals_have_the_settings_of_a_demo_that_is_up_in_their_home(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("OPENAI_API_KEY=real-openai-key\nPREGAO_SCHEDULES=real.yaml\n")
    run = RunFile(pid=1, started_at="", redis_url="redis://run/0", database_url="postgresql://run/x")
    environ = {"PREGAO_HOME": str(tmp_path), "LOG_LEVEL": "DEBUG"}
    with (tmp_path / "owner.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run.write(tmp_path)
        real = Settings.load(file, environ=environ)
        RunFile(
            pid=1,
            started_at="",
            redis_url="redis://run/0",
            database_url="postgresql://run/x",
            variables=demo_variables("http://127.0.0.1:1"),
        ).write(tmp_path)
        demo = Settings.load(file, environ=environ)

    assert (real.sample, real.secret("OPENAI_API_KEY")) == (False, "real-openai-key")
    assert (demo.sample, demo.secret("OPENAI_API_KEY")) == (True, KEYS["OPENAI_API_KEY"])
    assert demo.schedules_path.name == "schedules.yaml"
    assert demo.log_level == "DEBUG"
    assert not Settings.load(file, environ=environ).sample  # it has ended


@pytest.mark.parametrize(("value", "port"), [("1", 3000), ("true", 3000), ("0", 4000), ("", 4000)])
def test_a_demos_processes_do_not_read_the_file(tmp_path: Path, value: str, port: int) -> None:
    file = tmp_path / ".env"
    file.write_text("API_PORT=4000\n")

    assert Settings.load(file, environ={"PREGAO_SAMPLE": value, "PREGAO_HOME": str(tmp_path)}).api_port == port
