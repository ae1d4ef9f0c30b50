"""The users' scrapers at every door of a running system: names of new jobs, schedules, workers, and edits meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.api_service import ApiService, api_service
from tests.builders import eventually, spec
from tests.foreign import directory, write
from tests.working import ended

from pregao.doctor import examine
from pregao.domain.errors import InvalidInput
from pregao.domain.job import Job, JobStatus
from pregao.jobqueue import JobQueue
from pregao.queue.commands import QueueCommands
from pregao.queue.views import QueueViews
from pregao.scheduler.service import ScraperScheduler
from pregao.scrapers.registry import AmbiguousScraper, BrokenScraper, UnknownScraper
from pregao.settings import Settings
from pregao.worker.processor import JobProcessor

SCHEDULE = "schedules:\n  news: {scraper: gamma, type: cron, hour: 9, tickers: [PETR4]}\n"
TORN = "class Torn:\n    def scrape(:\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return directory(tmp_path / "own", {"Alpha": "", "Beta": ""})


@pytest.fixture
def settings(redis_url: str, database_url: str, tmp_path: Path, folder: Path) -> Settings:
    environ = {"REDIS_URL": redis_url, "DATABASE_URL": database_url, "SCRAPERS_PATH": str(folder)}
    return Settings.load(None, environ=environ, pregao_home=tmp_path / "home")


async def refused(api: ApiService, name: str) -> str:
    """The detail with which the API refuses a job of this scraper."""
    answer = await api.client.post("/api/jobs/create", json={"scraper_name": name, "ticker": "PETR4"})
    assert answer.status_code == 422, answer.text
    return str(answer.json()["detail"])


async def test_the_api_takes_a_loose_name_and_stores_the_full_one(settings: Settings, folder: Path) -> None:
    async with api_service(settings) as api:
        job = await api.create("ALPHA")

    assert job["scraper_name"] == "Alpha"


async def test_the_api_knows_a_scraper_as_soon_as_its_file_is_there(settings: Settings, folder: Path) -> None:
    async with api_service(settings) as api:
        assert "is not a known scraper" in await refused(api, "gamma")
        write(folder, "Gamma")

        assert (await api.create("gamma"))["scraper_name"] == "Gamma"


async def test_the_api_says_why_a_scraper_does_not_load(settings: Settings, folder: Path) -> None:
    async with api_service(settings) as api:
        write(folder, "beta_scraper.py", TORN)

        async def detail() -> str:
            answer = await api.client.post("/api/jobs/create", json={"scraper_name": "Beta", "ticker": "X"})
            return answer.text

        told = await eventually(detail, lambda text: "does not load" in text, what="the edit is seen")
        assert "beta_scraper.py:2: SyntaxError" in told
        assert (await api.create("Alpha"))["scraper_name"] == "Alpha"


async def test_a_pushed_job_has_the_full_name(settings: Settings) -> None:
    async with JobQueue(settings=settings) as queue:
        job = Job(scraper_name="alpha", ticker="PETR4")
        await queue.push(job)
        found = await queue.get_job(str(job.id))

    assert found is not None
    assert (job.scraper_name, found.scraper_name) == ("Alpha", "Alpha")


@pytest.mark.parametrize(
    ("name", "error", "told"),
    [
        ("alfa", UnknownScraper, "did you mean Alpha"),
        ("same", AmbiguousScraper, "write one of One, Two in full"),
        ("torn", BrokenScraper, "torn.py:2: SyntaxError"),
        ("nothing like it", UnknownScraper, r"known are Alpha, B3, BCB, Beta, .*, One, .*, Two,"),
    ],
)
async def test_a_job_of_no_certain_scraper_is_not_pushed(
    settings: Settings, folder: Path, name: str, error: type[InvalidInput], told: str
) -> None:
    for which in ("One", "Two"):
        text = write(folder, which).read_text().replace(f"{which} source", "same")
        write(folder, f"{which.lower()}_scraper.py", text)
    write(folder, "torn.py", TORN)

    async with JobQueue(settings=settings) as queue:
        with pytest.raises(error, match=told):
            await queue.push(Job(scraper_name=name, ticker="PETR4"))
        assert await queue.get_queue_length() == {"high": 0, "normal": 0, "low": 0}


async def test_a_job_of_a_scraper_that_only_a_live_worker_has_is_pushed(
    settings: Settings, redis_url: str, database_url: str, tmp_path: Path
) -> None:
    environ = {"REDIS_URL": redis_url, "DATABASE_URL": database_url}
    elsewhere = Settings.load(None, environ=environ, pregao_home=tmp_path / "elsewhere")
    async with api_service(settings) as api:
        await api.heartbeat()  # of a worker with "Status Invest"
        async with JobQueue(settings=elsewhere) as queue:
            job = Job(scraper_name="statusinvest", ticker="PETR4")
            assert await queue.push(job)

    assert job.scraper_name == "Status Invest"


async def test_a_schedule_gets_its_scraper_while_the_scheduler_runs(
    settings: Settings, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "schedules.yaml"
    path.write_text(SCHEDULE)
    scheduler = ScraperScheduler(path, settings=settings)

    async def state() -> str:
        (job,) = scheduler.get_jobs()
        return str(job["state"])

    await scheduler.start()
    try:
        assert await state() == "no scraper"
        write(folder, "Gamma")
        await eventually(state, lambda now: now == "scheduled", what="the scraper is seen")
        assert scheduler.file.scrapers == {"news": "Gamma"}
        write(folder, "gamma_scraper.py", TORN)

        async def warnings() -> list[str]:
            return [str(warning) for warning in scheduler.file.warnings]

        (warning,) = await eventually(warnings, what="the broken edit is told")
        assert "gamma_scraper.py:2: SyntaxError" in warning
        assert await state() == "scheduled"
    finally:
        await scheduler.stop()


async def test_a_worker_offers_new_scrapers_and_retries_jobs_of_broken_ones(
    settings: Settings, folder: Path, queue: QueueCommands, views: QueueViews
) -> None:
    async def offered() -> set[str]:
        return {name for worker in await views.workers() for name in worker.scrapers}

    def without(name: str) -> Callable[[set[str]], bool]:
        return lambda names: bool(names) and name not in names

    processor = JobProcessor(1, settings=settings, records=False)
    await processor.start()
    try:
        await eventually(offered, lambda names: {"Alpha", "Beta"} <= names, what="the worker's first heartbeat")
        write(folder, "Gamma")
        write(folder, "beta_scraper.py", TORN)
        await eventually(offered, lambda names: "Gamma" in names, what="Gamma is offered")
        await eventually(offered, without("Beta"), what="Beta is not")

        job = spec("Beta", "PETR4")
        await queue.enqueue([job])
        document = await ended(views, job, JobStatus.RETRY)
    finally:
        await processor.stop()

    assert "beta_scraper.py:2: SyntaxError" in document["error"]


async def test_the_doctor_tells_what_does_not_load(settings: Settings, folder: Path) -> None:
    write(folder, "torn.py", TORN)

    findings = [finding for finding in await examine(settings) if finding.subject == "scrapers"]

    assert [finding.state for finding in findings] == ["ok", "error"]
    assert "Alpha" in findings[0].detail
    assert findings[1].detail.startswith(f"{folder}/scrapers/torn.py:2: SyntaxError")
