"""`pregao scrapers`: what is listed, one scraper run by hand, and all of them checked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.foreign import BROKEN_MODULES, PLATFORM, directory
from tests.limiting import written
from tests.running_system import run_pregao, wait_until

from pregao.queue.gate_documents import nothing_known


class Shell:
    """Runs `pregao scrapers …` with one directory, in one home."""

    def __init__(self, home: Path, folder: Path, **environ: str) -> None:
        self.environ = {"PREGAO_HOME": str(home), "SCRAPERS_PATH": str(folder), **environ}

    def __call__(self, *arguments: str, code: int = 0, **environ: str) -> subprocess.CompletedProcess[str]:
        done = run_pregao("scrapers", *arguments, **self.environ, **environ)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def json(self, *arguments: str, code: int = 0, **environ: str) -> Any:
        return json.loads(self(*arguments, "--json", code=code, **environ).stdout)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return Shell(tmp_path_factory.mktemp("home"), PLATFORM)


@pytest.fixture(scope="module")
def misbehaving(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Scrapers that do while they run what they should not."""
    base = tmp_path_factory.mktemp("misbehaving")
    folder = directory(
        base / "own",
        {
            "Stuck": "        \n    async def scrape(self, ticker):\n        import time\n        time.sleep(1000)\n",
            "Slow": "    async def scrape(self, ticker):\n        import asyncio\n        await asyncio.sleep(1000)\n"
            "    async def cleanup(self):\n        print('cleaned up')\n",
            "Stubborn": "    async def scrape(self, ticker):\n        import asyncio\n        while True:\n"
            "            try:\n                await asyncio.sleep(1000)\n"
            "            except asyncio.CancelledError:\n                pass\n",
            "Dead": "    async def scrape(self, ticker):\n        import os\n        os._exit(5)\n",
            "Crashed": "    async def scrape(self, ticker):\n        import ctypes\n        ctypes.string_at(0)\n",
            "Left": "    async def scrape(self, ticker):\n        raise SystemExit('enough')\n",
            "Tired": "    async def initialize(self):\n        raise ConnectionError('no route')\n"
            "    async def cleanup(self):\n        print('cleaned up')\n",
            "Parent": "    async def scrape(self, ticker):\n        import subprocess\n"
            "        child = subprocess.Popen(['sleep', '1000'], start_new_session=True)\n"
            "        told = subprocess.check_output('setsid sleep 1000 >/dev/null & echo $!', shell=True)\n"
            "        return self.found({'pids': [child.pid, int(told)]})\n",
            "Opaque": "    async def scrape(self, ticker):\n        return self.found({'thing': object()})\n",
            "Blocking": "    def scrape(self, ticker):\n        return self.found({'ticker': ticker})\n",
        },
    )
    return Shell(base / "home", folder)


def test_the_list_shows_all_that_is_known_of_each(platform: Shell) -> None:
    told = platform.json("list")

    by_name = {scraper["name"]: scraper for scraper in told["scrapers"]}
    assert {"B3", "BCB", "Fundamentus", "Investing.com"} <= set(by_name)
    assert by_name["StatusInvest"] == {
        "name": "StatusInvest",
        "module": "scrapers.status_invest_scraper",
        "class": "StatusInvestScraper",
        "source": "STATUSINVEST",
        "transport": "http",
        "needs_login": True,
        "executor": "isolated",
        "takes_argument": True,
        "canary": None,
        "missing": [],
        "file": str(PLATFORM / "scrapers/status_invest_scraper.py"),
        "line": 11,
        "directory": str(PLATFORM),
        **nothing_known(),
    }
    assert (by_name["BCB"]["executor"], by_name["BCB"]["directory"]) == ("in_loop", None)
    assert told["problems"] == []


def test_the_list_is_a_table_for_people(platform: Shell) -> None:
    lines = platform("list").stdout.splitlines()

    (row,) = [line for line in lines if "Investing.com" in line and "│" in line]
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    assert cells[:7] == [
        "Investing.com", "scrapers.investing_scraper", "InvestingScraper", "INVESTING", "browser", "no", "isolated",
    ]  # fmt: skip


def test_a_scraper_without_its_key_is_noted_and_is_not_run(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "home", directory(tmp_path / "own", {"Alpha": ""}))

    assert "note: ChatGPT is not configured: set OPENAI_API_KEY" in shell("list").stdout
    assert (
        "(login; a job would not try again)\nnot configured: set OPENAI_API_KEY"
        in shell("run", "chatgpt", "PETR4", code=1).stdout
    )


def test_what_did_not_load_is_listed_with_its_line_and_fails_the_command(tmp_path: Path) -> None:
    shell = Shell(tmp_path, BROKEN_MODULES)

    done = shell("list", code=1)
    told = shell.json("list", code=1)

    assert "Hopeful" in done.stdout
    leaving = BROKEN_MODULES / "scrapers/leaving.py"
    assert f"error: not loaded: scrapers.leaving: {leaving}:7: SystemExit: it ends the process" in done.stderr
    (problem,) = [problem for problem in told["problems"] if problem["origin"] == "scrapers.leaving"]
    assert (problem["file"], problem["line"]) == (str(leaving), 7)


def test_a_hidden_scraper_is_mentioned(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "home", directory(tmp_path / "own", {"BCB": ""}))

    assert "note: BCB (pregao.scrapers.builtin.bcb) gives way to your own scraper of that name" in shell("list").stdout


def test_a_run_shows_flat_fields_as_a_table_and_nested_ones_as_json(platform: Shell, tmp_path: Path) -> None:
    unlimited = written(tmp_path, "scrapers: {}\n")
    text = platform("run", "fundamentus", "PETR4", PREGAO_SCRAPERS_FILE=str(unlimited)).stdout

    assert text.startswith("Fundamentus PETR4: completed in ")
    assert "source FUNDAMENTUS" in text.splitlines()[0]
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in text.splitlines() if line[:1] == "│"]
    assert rows == [["ticker", "PETR4"], ["p_l", "5.1"], ["roe", "-"]]
    assert '\ndividends:\n  [\n    {\n      "year": 2025,\n      "value": 1.2\n    }\n  ]\n' in text


def test_a_long_nested_field_is_cut(tmp_path: Path) -> None:
    text = "    async def scrape(self, ticker):\n        return self.found({'rows': list(range(1000))})\n"
    shell = Shell(tmp_path / "home", directory(tmp_path / "own", {"Long": text}))

    assert "… 962 more lines; --json shows all" in shell("run", "long").stdout
    assert shell.json("run", "long")["data"] == {"rows": list(range(1000))}


@pytest.mark.parametrize("argument", ["petr4", "Preço justo, em R$ – ação “ON”?", "x" * 100_000, " two  blanks ", ""])
def test_the_argument_is_passed_exactly_as_given(platform: Shell, argument: str) -> None:
    assert platform.json("run", "Phrases", argument)["data"]["phrase"] == argument


def test_a_scraper_with_a_default_argument_gets_none_when_none_is_given(platform: Shell) -> None:
    assert platform.json("run", "Phrases")["data"]["phrase"] == "the phrase of its own"


def test_a_scraper_that_takes_no_argument_is_called_without(platform: Shell) -> None:
    told = platform.json("run", "macro", "PETR4")

    assert told["data"] == {"selic": 15.0, "ipca": 0.4, "comment": ""}
    assert "Macro takes no argument: 'PETR4' is not passed" in told["logs"]


def test_values_of_any_kind_arrive_as_json(platform: Shell) -> None:
    told = platform.json("run", "Phrases", "a")

    assert told["data"] == {"phrase": "a", "length": 1, "price": 1.5, "day": "2026-11-24", "nothing": None}
    assert told["metadata"] == {"language": "pt-BR", "sanitised": ["$.nothing"]}


def test_what_a_scraper_says_in_any_way_is_shown(platform: Shell) -> None:
    logs = platform.json("run", "Talkative", "VALE3")["logs"]

    for said in (
        "the module speaks",
        "the constructor speaks",
        "Talkative is ready",
        "printed for VALE3",
        "printed as an error for VALE3",
        "logged for VALE3",
        "loguru for VALE3",
        "cleaned up",
    ):
        assert said in logs
    assert "printed for VALE3" in platform("run", "Talkative", "VALE3").stdout.partition("\nlog:\n")[2]


def test_primitives_of_the_class_and_of_the_constructor_belong_to_the_loop_that_runs_it(platform: Shell) -> None:
    assert platform.json("run", "Limited", "VALE3")["data"] == {"ticker": "VALE3", "same_loop": True}


def test_a_scraper_runs_in_its_directory_with_the_users_environment_and_without_our_secrets(platform: Shell) -> None:
    secrets = {"DB_PASSWORD": "a", "REDIS_PASSWORD": "b", "PREGAO_API_KEYS": "c", "DATABASE_URL": "postgresql://x/d"}
    told = platform.json("run", "Surroundings", "", CHROME_HEADLESS="false", OPENAI_API_KEY="e", **secrets)

    data = told["data"]
    assert (data["directory"], data["first_import_path"]) == (str(PLATFORM), str(PLATFORM))
    assert data["headless"] is False
    assert data["environment"]["OPENAI_API_KEY"] == "e"
    assert secrets.keys() & data["environment"].keys() == set()


def test_a_listed_secret_reaches_the_scrapers(platform: Shell) -> None:
    told = platform.json("run", "Surroundings", "DB_", DB_PASSWORD="a", SCRAPERS_ENV="DB_PASSWORD")

    assert told["data"]["environment"] == {"DB_PASSWORD": "a"}


def test_a_reported_failure_fails_the_command(platform: Shell) -> None:
    done = platform("run", "Fundamentus", "XXXX3", code=1)

    assert "Fundamentus XXXX3: failed in " in done.stdout
    assert "(error; a job would try again)" in done.stdout
    assert "XXXX3: no paper found" in done.stdout


def test_a_raised_failure_has_its_class(platform: Shell) -> None:
    told = platform.json("run", "StatusInvest", "PETR4", code=1)

    assert (told["success"], told["error_class"]) == (False, "login")
    assert told["error"].startswith(f"PermissionError: log in first: {PLATFORM}/status_invest_cookies.json is missing")


def test_a_timeout_ends_the_run_and_cleans_up(misbehaving: Shell) -> None:
    told = misbehaving.json("run", "slow", "--timeout", "0.5", code=1)

    assert (told["error_class"], told["error"]) == ("timeout", "timed out after 0.5 s")
    assert "cleaned up" in told["logs"]


def test_a_scraper_that_ignores_its_cancellation_is_told_and_ended(misbehaving: Shell) -> None:
    told = misbehaving.json("run", "Stubborn", "PETR4", "--timeout", "0.5", code=1)

    assert told["error_class"] == "timeout"
    assert told["error"].startswith("timed out after 0.5 s")
    assert "timed out after 0.5 s, in:" in told["logs"]


def test_a_scraper_that_blocks_is_killed_after_its_timeout_and_told_with_its_line(misbehaving: Shell) -> None:
    told = misbehaving.json("run", "stuck", "--timeout", "0.5", code=1)

    assert told["error_class"] == "timeout"
    assert "timed out after 0.5 s; its process did not react, and was killed, at " in told["error"]
    assert "stuck_scraper.py:11" in told["error"]


@pytest.mark.parametrize(
    ("name", "error_class", "error"),
    [
        ("dead", "killed", "the scraper's process ended with exit code 5 before it gave a result"),
        ("crashed", "killed", "the scraper's process was ended by SIGSEGV (a segmentation fault)"),
        ("left", "bug", "SystemExit: enough"),
        ("tired", "network", "ConnectionError: no route"),
        ("opaque", "validation", "object"),
    ],
)
def test_a_run_that_ends_badly_is_told_by_its_class(
    misbehaving: Shell, name: str, error_class: str, error: str
) -> None:
    told = misbehaving.json("run", name, "PETR4", code=1)

    assert told["error_class"] == error_class
    assert error in told["error"]


def test_cleanup_follows_an_initialize_that_fails(misbehaving: Shell) -> None:
    assert "cleaned up" in misbehaving.json("run", "tired", code=1)["logs"]


def test_a_scraper_whose_methods_do_not_await_is_run_as_well(misbehaving: Shell) -> None:
    assert misbehaving.json("run", "blocking", "PETR4")["data"] == {"ticker": "PETR4"}


def test_nothing_that_a_scraper_started_outlives_its_run(misbehaving: Shell) -> None:
    """Not even what left its session, and lost its parent."""
    pids = misbehaving.json("run", "parent")["data"]["pids"]

    alive = [pid for pid in pids if psutil.pid_exists(pid)]
    assert all(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE for pid in alive)


def test_an_interrupted_run_ends_its_process(misbehaving: Shell) -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "pregao", "scrapers", "run", "stuck"],
        env={"PATH": os.environ["PATH"], **misbehaving.environ},
        stderr=subprocess.DEVNULL,
    )
    try:
        parent = psutil.Process(running.pid)
        wait_until(
            lambda: any("pregao.isolation.zygote" in " ".join(c.cmdline()) for c in parent.children()), 60, "it runs"
        )
        (child,) = parent.children()
        running.send_signal(signal.SIGINT)
        running.wait(30)
    finally:
        running.kill()
        running.wait()

    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 20, "its child is gone")


def test_an_unknown_name_is_bad_input_with_a_suggestion(platform: Shell) -> None:
    done = platform("run", "fundamentos", "PETR4", code=2)

    assert "scraper_name: 'fundamentos' is not a known scraper; did you mean Fundamentus?" in done.stderr


def test_a_scraper_that_does_not_load_says_why(tmp_path: Path) -> None:
    done = Shell(tmp_path, BROKEN_MODULES)("run", "needy", "PETR4", code=2)

    assert "needy.py:3: ModuleNotFoundError" in done.stderr


def test_one_of_ours_runs_by_hand_too(platform: Shell) -> None:
    told = platform.json("run", "bcb", "SELIC", code=1, PREGAO_UPSTREAM_BCB="http://127.0.0.1:9")

    assert (told["scraper"], told["error_class"]) == ("BCB", "network")


def test_a_check_runs_each_scraper_that_has_a_canary_or_needs_no_argument(platform: Shell) -> None:
    nowhere = {"PREGAO_UPSTREAM_BCB": "http://127.0.0.1:9", "PREGAO_UPSTREAM_B3": "http://127.0.0.1:9"}

    told = platform.json("check", code=1, **nowhere)

    rows = {row["name"]: row for row in told["scrapers"]}
    assert {name: rows[name]["outcome"] for name in ("Google News", "Macro", "BCB", "B3", "Valor Econômico")} == {
        "Google News": "completed",
        "Macro": "completed",
        "BCB": "failed",
        "B3": "failed",
        "Valor Econômico": "no canary",
    }
    assert (rows["BCB"]["argument"], rows["BCB"]["error_class"]) == ("SELIC", "network")
    assert (rows["B3"]["argument"], rows["Google News"]["argument"]) == ("PETR4", "Petrobras dividendos")
    assert (rows["Macro"]["filled"], rows["Macro"]["fields"]) == (2, 3)


def test_a_check_of_some_is_a_table_and_succeeds_when_they_do(platform: Shell) -> None:
    done = platform("check", "macro", "GoogleNews", "valor")

    cells = [[cell.strip() for cell in line.strip("│").split("│")] for line in done.stdout.splitlines()]
    rows = {row[0]: row for row in cells if len(row) == 7}
    assert rows["Macro"][1:4] == ["-", "completed", "-"]
    assert rows["Macro"][5] == "2/3"
    assert rows["Google News"][5] == "1/1"
    assert "note: not run, since no argument with data is known (`canary`): Valor Econômico" in done.stdout


def test_a_check_of_all_fails_for_what_does_not_load(tmp_path: Path) -> None:
    done = Shell(tmp_path, BROKEN_MODULES)("check", code=1, PREGAO_UPSTREAM_BCB="http://127.0.0.1:9")

    assert "error: not loaded: scrapers.needy" in done.stderr
