"""`pregao doctor` on settings, scrapers and schedules; and the command itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.diagnosis import SOUND_SCHEDULES, Diagnosis, diagnose, with_schedules
from tests.foreign import directory
from tests.running_system import ROOT, run_pregao, unused_port

from pregao.doctor import examine_environment
from pregao.doctor.finding import Finding
from pregao.doctor.guard import guarded
from pregao.settings import Settings


@pytest.fixture
def environ(settings: Settings, tmp_path: Path) -> dict[str, str]:
    """Variables of a sound system."""
    path = tmp_path / "schedules.yaml"
    path.write_text(SOUND_SCHEDULES)
    return {
        "REDIS_URL": settings.resolve_redis_url(),
        "DATABASE_URL": settings.resolve_database_url(),
        "PREGAO_HOME": str(tmp_path / "home"),
        "PREGAO_SCHEDULES": str(path),
    }


async def examined(environ: dict[str, str], env_file: Path | None = None) -> Diagnosis:
    return Diagnosis(await examine_environment(env_file, environ=environ))


async def test_sound_settings_are_well_and_told(environ: dict[str, str]) -> None:
    seen = await examined(environ)
    assert "DATABASE_URL, PREGAO_HOME, PREGAO_SCHEDULES, REDIS_URL" in seen.the("settings", "ok", "home").detail


async def test_every_bad_value_is_an_error_and_the_rest_is_looked_at(environ: dict[str, str]) -> None:
    seen = await examined(environ | {"API_PORT": "eighty", "PREGAO_LEASE_MS": "1"})
    assert seen.the("settings", "error", "API_PORT: 'eighty'")
    assert seen.the("settings", "error", "PREGAO_LEASE_MS: '1'")
    assert seen.states("migrations") == ["ok"]
    assert seen.states("leftovers") == ["ok"]


@pytest.mark.parametrize(("variable", "server"), [("REDIS_URL", "Redis"), ("DB_PORT", "PostgreSQL")])
async def test_a_server_with_a_bad_address_is_not_looked_for_elsewhere(
    environ: dict[str, str], variable: str, server: str
) -> None:
    seen = await examined(environ | {variable: "nonsense"})
    assert seen.the("settings", "error", variable)
    assert [(one.state, one.detail) for one in seen.of(server)] == [
        ("error", f"not looked at, since {variable} is not valid")
    ]


@pytest.mark.parametrize(
    ("name", "meant"), [("PREGAO_SHEDULES", "PREGAO_SCHEDULES"), ("SCRAPER_MAX_RETRY", "SCRAPER_MAX_RETRIES")]
)
async def test_a_name_that_looks_like_a_slip_is_a_warning(environ: dict[str, str], name: str, meant: str) -> None:
    finding = (await examined(environ | {name: "x"})).the("settings", "warning", f"{name} is given and is no setting")
    assert finding.cure == f"did you mean {meant}?"


async def test_names_of_others_are_no_slip(environ: dict[str, str]) -> None:
    strangers = {"PREGAO_SOMETHING_OF_MY_OWN": "x", "PATH": "x", "PREGAO_UPSTREAM_BCB": "http://x"}
    assert (await examined(environ | strangers)).states("settings") == ["ok"]


async def test_an_env_file_is_read_and_one_that_cannot_be_is_an_error(environ: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("API_PORT=eighty\n")
    assert (await examined(environ, file)).the("settings", "error", "API_PORT")
    file.write_bytes(b"\xff\xfe\x00")
    seen = await examined(environ, file)
    assert seen.the("settings", "error", "cannot be read")
    assert seen.states("migrations") == ["ok"], "the environment still leads to the servers"


async def test_scrapers_that_do_not_load_are_errors(settings: Settings) -> None:
    broken = settings.model_copy(update={"extra_scrapers": ("nowhere:Nothing", "tests.builders:spec")})
    seen = await diagnose(broken)
    assert seen.the("scrapers", "error", "nowhere:Nothing: ModuleNotFoundError")
    assert seen.the("scrapers", "error", "tests.builders:spec")
    assert "BCB" in seen.the("scrapers", "ok", "load: ").detail


async def test_sound_schedules_are_well(settings: Settings, tmp_path: Path) -> None:
    seen = await diagnose(with_schedules(settings, tmp_path))
    assert [(one.state, one.detail) for one in seen.of("schedules")] == [
        ("ok", f"1 of 1 in {tmp_path / 'schedules.yaml'} fire here")
    ]


async def test_problems_of_the_schedule_file_are_told_with_their_lines(settings: Settings, tmp_path: Path) -> None:
    text = SOUND_SCHEDULES + (
        "  odd: {scraper: BCB, type: cron, hour: 25}\n"
        "  other: {scraper: BCB, type: interval, minute: 5}\n"
        "  silent: {scraper: Nobody, type: cron, hour: 1}\n"
        "  asleep: {scraper: Nobody, type: cron, hour: 1, enabled: false}\n"
    )
    seen = await diagnose(with_schedules(settings, tmp_path, text))
    path = tmp_path / "schedules.yaml"
    assert seen.the("schedules", "ok", f"1 of 3 in {path} fire here")
    assert seen.the("schedules", "error", f"{path}:3: schedule odd: hour: '25'")
    assert seen.the("schedules", "error", f"{path}:4: schedule other: minute: '5'")
    assert seen.the("schedules", "warning", "1 do not fire here for want of their scraper: silent (Nobody)")


async def test_warnings_of_the_schedule_file_are_told_with_their_lines(settings: Settings, tmp_path: Path) -> None:
    text = SOUND_SCHEDULES + "  twice: {scraper: BCB, type: cron, hour: 1, tickers: [SELIC, SELIC]}\n"
    seen = await diagnose(with_schedules(settings, tmp_path, text))
    assert seen.the("schedules", "warning", f"{tmp_path / 'schedules.yaml'}:3: schedule twice")


@pytest.mark.parametrize("text", ["schedules: [", None, "\x00"])
async def test_a_schedule_file_that_cannot_be_read_is_an_error(
    settings: Settings, tmp_path: Path, text: str | None
) -> None:
    broken = with_schedules(settings, tmp_path, text or "")
    if text is None:
        (tmp_path / "schedules.yaml").unlink()
    assert (await diagnose(broken)).states("schedules") == ["error"]


async def test_what_breaks_off_in_the_middle_keeps_what_was_found_before() -> None:
    async def looking() -> object:
        yield Finding("a", "ok", "well")
        raise KeyError("b")

    found = [finding async for finding in guarded("a", looking())]  # type: ignore[arg-type]
    assert [(one.state, one.detail) for one in found] == [
        ("ok", "well"),
        ("error", "looking at it broke off with KeyError: 'b'"),
    ]


def test_the_command_tells_each_finding_with_its_cure_and_exits_1_for_an_error(environ: dict[str, str]) -> None:
    away = environ | {"REDIS_URL": f"redis://:s3cret@127.0.0.1:{unused_port()}/0"}
    done = run_pregao("doctor", **away)
    assert done.returncode == 1
    assert "ERROR" in done.stdout
    assert "→ start it with `pregao up`, or correct REDIS_URL" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("1 error, ")
    assert "s3cret" not in done.stdout
    assert "Traceback" not in done.stderr


def test_the_command_exits_0_while_there_are_only_warnings(environ: dict[str, str]) -> None:
    done = run_pregao("doctor", "--json", **environ)
    found = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert {"subject": "workers", "state": "warning"}.items() <= next(
        one for one in found if one["subject"] == "workers"
    ).items()
    assert {tuple(one) for one in found} == {("subject", "state", "detail", "cure")}


def test_the_command_works_with_settings_that_no_other_command_takes(environ: dict[str, str]) -> None:
    done = run_pregao("doctor", **(environ | {"LOG_LEVEL": "loud"}))
    assert done.returncode == 1
    assert "LOG_LEVEL: 'LOUD'" in done.stdout
    assert run_pregao("queue", "status", **(environ | {"LOG_LEVEL": "loud"})).returncode == 2


@pytest.mark.parametrize(
    "words", ["doctor", "top", "jobs list", "jobs create Chatty", "scrapers list", "scrapers run Chatty"]
)
def test_what_a_scraper_prints_while_it_is_imported_does_not_spoil_the_document(
    environ: dict[str, str], tmp_path: Path, words: str
) -> None:
    (tmp_path / "chatty.py").write_text(
        "print('hello from a scraper')\n"
        "class Chatty:\n"
        "    name = 'Chatty'\n"
        "    async def initialize(self): ...\n"
        "    async def scrape(self, ticker): ...\n"
        "    async def cleanup(self): ...\n"
    )
    path = f"{ROOT / 'src'}:{tmp_path}"
    done = run_pregao(*words.split(), "--json", **environ, PYTHONPATH=path, PREGAO_SCRAPERS="chatty:Chatty")
    assert json.loads(done.stdout)
    assert "hello from a scraper" in done.stderr


async def test_a_key_that_a_scraper_lacks_is_named(environ: dict[str, str]) -> None:
    seen = await examined(environ | {"PREGAO_SCRAPERS": "tests.sample_scrapers:Keyed"})
    assert seen.the("keys", "ok", "Keyed is not configured: set SAMPLE_API_KEY")


async def test_a_schedule_that_waits_for_a_key_or_whose_scraper_does_not_load_does_not_fire(
    environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "schedules.yaml").write_text(
        SOUND_SCHEDULES
        + "  keyed: {scraper: Keyed, type: cron, hour: 1}\n"
        + "  torn: {scraper: Torn, type: cron, hour: 1}\n"
    )
    folder = directory(tmp_path / "own", {"torn.py": "class Torn:\n    def scrape(:\n"})
    seen = await examined(environ | {"PREGAO_SCRAPERS": "tests.sample_scrapers:Keyed", "SCRAPERS_PATH": str(folder)})
    assert seen.the("schedules", "ok", "1 of 3 in")
    assert seen.the("schedules", "ok", "1 fire here as soon as their keys are set: keyed (Keyed)")
    assert seen.the("schedules", "warning", "1 do not fire here since their scraper does not load: torn (Torn)")
