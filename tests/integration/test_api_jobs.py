"""Creating, reading, cancelling and retrying one job through the API."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.api_service import ApiService, api_service

from pregao.queue.messages import QueueLengths
from pregao.queue.views import QueueViews
from pregao.settings import Settings

CONTRACT_KEYS = [
    "id", "scraper_name", "ticker", "priority", "status", "created_at", "started_at", "completed_at", "result",
    "error", "retry_count", "max_retries", "metadata",
]  # fmt: skip


@pytest.fixture
async def api(settings: Settings) -> AsyncIterator[ApiService]:
    async with api_service(settings) as service:
        yield service


async def refusal(api: ApiService, body: Any) -> dict[str, Any]:
    """The one error that a refused create names."""
    answer = await api.client.post("/api/jobs/create", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert {"type", "title", "status", "detail", "errors"} <= problem.keys()
    [error] = problem["errors"]
    assert error.keys() == {"field", "value", "problem", "fix"}
    assert await QueueViews(api.redis).lengths() == QueueLengths(0, 0, 0, 0, 0), "nothing may be accepted"
    return error


async def test_create_answers_201_with_the_contract_s_keys_in_its_order(api: ApiService) -> None:
    answer = await api.client.post(
        "/api/jobs/create", json={"scraper_name": "B3", "ticker": "PETR4", "priority": "high", "max_retries": 3}
    )
    assert answer.status_code == 201
    job = answer.json()
    assert list(job)[: len(CONTRACT_KEYS)] == CONTRACT_KEYS
    assert uuid.UUID(job["id"]).version == 4
    assert (job["scraper_name"], job["ticker"], job["priority"], job["status"]) == ("B3", "PETR4", "high", "pending")
    assert (job["retry_count"], job["max_retries"], job["metadata"]) == (0, 3, {})
    assert job["created_at"].endswith("-03:00")


async def test_a_created_job_can_be_read_at_once_and_is_in_its_queue(api: ApiService) -> None:
    job = await api.create(priority="low", metadata={"asked_by": "me"}, timeout_seconds=5)
    assert await api.get(f"/{job['id']}") == {**job, "held": None, "result_metadata": None}
    assert await api.redis.lrange("scraper:jobs:low", 0, -1) == [job["id"].encode()]  # type: ignore[misc]


async def test_retries_left_out_are_those_of_the_settings(settings: Settings) -> None:
    async with api_service(settings.model_copy(update={"max_retries": 7})) as api:
        assert (await api.create())["max_retries"] == 7


@pytest.mark.parametrize("ticker", ["petr4", "PeTr4", "selic", " what will Petrobras pay? ", "ação\n" * 500, None])
async def test_a_ticker_is_kept_exactly_as_given(api: ApiService, ticker: str | None) -> None:
    job = await api.create(ticker=ticker)
    assert (await api.get(f"/{job['id']}"))["ticker"] == ticker


async def test_a_ticker_may_be_left_out(api: ApiService) -> None:
    answer = await api.client.post("/api/jobs/create", json={"scraper_name": "BCB"})
    assert (answer.status_code, answer.json()["ticker"]) == (201, None)


@pytest.mark.parametrize("loose", ["b3", "B-3", " b 3"])
async def test_a_scraper_may_be_named_loosely_and_is_stored_by_its_full_name(api: ApiService, loose: str) -> None:
    assert (await api.create(loose))["scraper_name"] == "B3"


async def test_a_scraper_that_only_a_live_worker_has_is_accepted(api: ApiService) -> None:
    await api.heartbeat()
    assert (await api.create("farprices"))["scraper_name"] == "Far Prices"


async def test_an_unknown_scraper_is_refused_with_what_comes_close(api: ApiService) -> None:
    error = await refusal(api, {"scraper_name": "BCBB", "ticker": "SELIC"})
    assert (error["field"], error["value"]) == ("scraper_name", "BCBB")
    assert "BCB" in error["fix"]


async def test_an_unknown_scraper_that_comes_close_to_a_worker_s_is_refused_with_that(api: ApiService) -> None:
    await api.heartbeat()
    error = await refusal(api, {"scraper_name": "FarPrces"})
    assert "Far Prices" in error["fix"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"ticker": ""}, "ticker"),
        ({"ticker": "  "}, "ticker"),
        ({"ticker": 4}, "ticker"),
        ({"ticker": "x" * 65_537}, "ticker"),
        ({"ticker": "a\0b"}, "ticker"),
        ({"scraper_name": ""}, "scraper_name"),
        ({"scraper_name": None}, "scraper_name"),
        ({"max_retries": -5}, "max_retries"),
        ({"max_retries": 101}, "max_retries"),
        ({"max_retries": 1.5}, "max_retries"),
        ({"max_retries": True}, "max_retries"),
        ({"max_retries": "many"}, "max_retries"),
        ({"priority": "urgent"}, "priority"),
        ({"priority": 1}, "priority"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
        ({"timeout_seconds": 1e9}, "timeout_seconds"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"a": "x" * 65_537}}, "metadata"),
        ({"metadata": {"a": ["b\0"]}}, "metadata"),
        ({"metadata": {"b\0": 1}}, "metadata"),
        ({"metadata": {"deep": json.loads("[" * 900 + "]" * 900)}}, "metadata"),
    ],
)
async def test_bad_input_is_refused_with_its_field_and_a_fix(
    api: ApiService, change: dict[str, Any], field: str
) -> None:
    error = await refusal(api, {"scraper_name": "B3", "ticker": "PETR4", **change})
    assert error["field"] == field
    assert error["problem"]
    assert error["fix"]


async def test_a_missing_scraper_name_is_named(api: ApiService) -> None:
    assert (await refusal(api, {"ticker": "PETR4"}))["field"] == "scraper_name"


async def test_an_unknown_field_is_refused_with_the_one_that_was_meant(api: ApiService) -> None:
    error = await refusal(api, {"scraper_name": "B3", "tiker": "PETR4"})
    assert (error["field"], error["fix"]) == ("tiker", "did you mean ticker?")


async def test_every_bad_field_is_named_at_once(api: ApiService) -> None:
    answer = await api.client.post("/api/jobs/create", json={"scraper_name": "", "ticker": "", "max_retries": -5})
    assert {error["field"] for error in answer.json()["errors"]} == {"scraper_name", "ticker", "max_retries"}


@pytest.mark.parametrize(
    "body",
    [b"{", b"", b'{"scraper_name": "B3", "metadata": {"a": NaN}}', b'{"scraper_name": "B3", "ticker": "\\ud800"}'],
)
async def test_what_is_not_json_is_refused(api: ApiService, body: bytes) -> None:
    answer = await api.client.post("/api/jobs/create", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.json()["errors"][0]["field"] == "body"


async def test_a_body_that_a_web_form_could_send_is_not_taken_for_json(api: ApiService) -> None:
    answer = await api.client.post(
        "/api/jobs/create", content=b'{"scraper_name": "B3"}', headers={"Content-Type": "text/plain"}
    )
    assert answer.status_code == 422


async def test_a_body_beyond_bounds_is_not_read(api: ApiService) -> None:
    answer = await api.client.post("/api/jobs/create", json={"scraper_name": "B3", "ticker": "x" * 600_000})
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


async def test_an_unknown_job_is_a_404(api: ApiService) -> None:
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/retry")):
        answer = await api.client.request(method, f"/api/jobs/{uuid.uuid4()}{path}")
        assert answer.status_code == 404, (method, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"


async def test_an_id_that_is_no_uuid_is_a_422_that_names_it(api: ApiService) -> None:
    for method, path in (("GET", "/lists"), ("DELETE", "/42"), ("POST", "/42/retry")):
        answer = await api.client.request(method, f"/api/jobs{path}")
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "job_id"


async def test_an_id_may_be_written_in_any_form_of_a_uuid(api: ApiService) -> None:
    job = await api.create()
    assert (await api.get(f"/{job['id'].upper()}"))["id"] == job["id"]


async def test_a_running_job_shows_its_worker_and_attempt(api: ApiService) -> None:
    job = await api.create()
    await api.run(job["id"])
    shown = await api.get(f"/{job['id']}")
    assert (shown["status"], shown["worker"], shown["attempt"]) == ("running", "tester", 1)
    assert shown["started_at"].endswith("-03:00")


async def test_a_completed_job_shows_its_result_before_and_after_it_is_recorded(api: ApiService) -> None:
    job = await api.create()
    await api.complete(job["id"], {"price": 38.5})
    before = await api.get(f"/{job['id']}")
    await api.record()
    await api.redis.flushdb()
    after = await api.get(f"/{job['id']}")
    assert (before["status"], before["result"]) == (after["status"], after["result"]) == ("completed", {"price": 38.5})
    assert before.keys() == after.keys()
    assert before["completed_at"] == after["completed_at"]


async def test_a_recorded_result_tells_what_is_to_be_known_of_it(api: ApiService) -> None:
    job = await api.create()
    await api.complete(job["id"], {"price": 38.5}, metadata={"sample": True, "instead_of": "BCB SGS"})
    assert (await api.get(f"/{job['id']}"))["result_metadata"] is None
    await api.record()
    shown = await api.get(f"/{job['id']}")
    assert shown["result_metadata"] == {"sample": True, "instead_of": "BCB SGS"}
    assert shown["metadata"] == job["metadata"]


async def test_a_large_result_is_shown_before_and_after_it_is_recorded(api: ApiService) -> None:
    job = await api.create()
    result = {"page": "x" * 50_000}
    await api.complete(job["id"], result)
    assert (await api.get(f"/{job['id']}"))["result"] == result
    await api.record()
    shown = await api.get(f"/{job['id']}")
    assert (shown["result"], shown["result_omitted"]) == (result, False)


async def test_a_pending_job_is_cancelled(api: ApiService) -> None:
    job = await api.create()
    answer = await api.client.delete(f"/api/jobs/{job['id']}")
    assert answer.status_code == 200
    assert (answer.json()["job_id"], answer.json()["status"]) == (job["id"], "cancelled")
    assert answer.json()["message"]
    assert (await api.get(f"/{job['id']}"))["status"] == "cancelled"
    assert (await api.get("/queue/status"))["total"] == 0


async def test_a_job_waiting_for_its_retry_is_cancelled(api: ApiService) -> None:
    job = await api.create()
    await api.fail_for_now(job["id"], delay_ms=60_000)
    assert (await api.client.delete(f"/api/jobs/{job['id']}")).json()["status"] == "cancelled"


async def test_a_running_job_is_asked_to_stop(api: ApiService) -> None:
    job = await api.create()
    await api.run(job["id"])
    answer = await api.client.delete(f"/api/jobs/{job['id']}")
    assert (answer.status_code, answer.json()["status"], answer.json()["cancel_requested"]) == (200, "running", True)
    assert (await api.get(f"/{job['id']}"))["cancel_requested"] is True


@pytest.mark.parametrize("forgotten", [False, True])
async def test_an_ended_job_cannot_be_cancelled(api: ApiService, forgotten: bool) -> None:
    job = await api.create()
    await api.complete(job["id"])
    if forgotten:
        await api.record()
        await api.redis.delete(*await api.redis.keys("scraper:job:*"))
    answer = await api.client.delete(f"/api/jobs/{job['id']}")
    assert answer.status_code == 409
    assert answer.json()["job_status"] == "completed"


@pytest.mark.parametrize("forgotten", [False, True])
async def test_a_failed_job_is_retried_as_a_new_one_that_names_it(api: ApiService, forgotten: bool) -> None:
    job = await api.create(ticker="petr4", priority="high", max_retries=1, metadata={"a": 1}, timeout_seconds=9)
    await api.fail(job["id"])
    if forgotten:
        await api.record()
        await api.redis.delete(*await api.redis.keys("scraper:job:*"))
    answer = await api.client.post(f"/api/jobs/{job['id']}/retry")
    assert answer.status_code == 201
    successor = answer.json()
    assert successor["id"] != job["id"]
    assert successor["retried_from"] == job["id"]
    kept = ("scraper_name", "ticker", "priority", "max_retries", "metadata", "timeout_seconds")
    assert [successor[name] for name in kept] == [job[name] for name in kept]
    assert (await api.get(f"/{successor['id']}"))["status"] == "pending"
    assert (await api.get(f"/{job['id']}"))["status"] == "failed"


async def test_a_cancelled_job_is_retried_as_a_new_one(api: ApiService) -> None:
    job = await api.create()
    await api.client.delete(f"/api/jobs/{job['id']}")
    assert (await api.client.post(f"/api/jobs/{job['id']}/retry")).status_code == 201


async def test_a_job_waiting_for_its_retry_is_made_due_under_its_own_id(api: ApiService) -> None:
    job = await api.create()
    await api.fail_for_now(job["id"], delay_ms=60_000)
    answer = await api.client.post(f"/api/jobs/{job['id']}/retry")
    assert (answer.status_code, answer.json()["id"], answer.json()["status"]) == (200, job["id"], "pending")


@pytest.mark.parametrize("state", ["pending", "running", "completed"])
async def test_a_job_that_did_not_fail_cannot_be_retried(api: ApiService, state: str) -> None:
    job = await api.create()
    if state == "running":
        await api.run(job["id"])
    if state == "completed":
        await api.complete(job["id"])
    answer = await api.client.post(f"/api/jobs/{job['id']}/retry")
    assert (answer.status_code, answer.json()["job_status"]) == (409, state)


async def test_after_a_flush_the_queue_is_rebuilt_by_the_first_create(api: ApiService) -> None:
    old = await api.create()
    await api.record()
    await api.redis.flushall()
    new = await api.create()
    assert (await api.get(f"/{old['id']}"))["status"] == "pending"
    assert (await api.get("/queue/status"))["total"] == 2
    assert (await api.get(f"/{new['id']}"))["status"] == "pending"


async def test_a_create_that_is_repeated_with_its_key_answers_the_same_job(api: ApiService) -> None:
    body = {"scraper_name": "B3", "ticker": "PETR4"}
    answers = [
        await api.client.post("/api/jobs/create", json=body, headers={"Idempotency-Key": "order-7"}) for _ in range(3)
    ]
    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert (await QueueViews(api.redis).lengths()).total == 1


async def test_a_key_that_comes_with_another_request_is_refused(api: ApiService) -> None:
    headers = {"Idempotency-Key": "order-8"}
    await api.client.post("/api/jobs/create", json={"scraper_name": "B3", "ticker": "PETR4"}, headers=headers)
    answer = await api.client.post("/api/jobs/create", json={"scraper_name": "B3", "ticker": "VALE3"}, headers=headers)
    assert answer.status_code == 409
    assert "used before for another request" in answer.json()["detail"]


async def test_a_unique_key_is_held_by_one_live_job_and_free_after_its_end(api: ApiService) -> None:
    first = await api.create(unique_key="petr4-today")
    again = await api.client.post(
        "/api/jobs/create", json={"scraper_name": "B3", "ticker": "VALE3", "unique_key": "petr4-today"}
    )
    assert (again.status_code, again.json()["id"]) == (200, first["id"])
    await api.client.delete(f"/api/jobs/{first['id']}")
    assert (await api.create(unique_key="petr4-today"))["id"] != first["id"]


async def test_a_waiting_job_moves_to_another_queue(api: ApiService) -> None:
    job = await api.create(priority="low")
    answer = await api.client.patch(f"/api/jobs/{job['id']}", json={"priority": "HIGH"})
    assert (answer.status_code, answer.json()["priority"]) == (200, "high")
    counts = {"high": 1, "normal": 0, "low": 0, "total": 1, "delayed": 0, "running": 0, "parked": 0}
    status = await api.get("/queue/status")
    assert {name: status[name] for name in counts} == counts


async def test_the_priority_of_an_ended_job_is_settled(api: ApiService) -> None:
    job = await api.create()
    await api.client.delete(f"/api/jobs/{job['id']}")
    answer = await api.client.patch(f"/api/jobs/{job['id']}", json={"priority": "high"})
    assert (answer.status_code, answer.json()["job_status"]) == (409, "cancelled")
    missing = await api.client.patch(f"/api/jobs/{uuid.uuid4()}", json={"priority": "high"})
    assert missing.status_code == 404
