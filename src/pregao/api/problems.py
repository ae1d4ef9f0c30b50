"""Errors as application/problem+json (RFC 9457): what went wrong, with field, value and fix, and nothing internal."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, get_args, get_type_hints

import msgspec
import orjson
from fastapi import HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from loguru import logger
from pydantic import BaseModel
from starlette.exceptions import HTTPException as StarletteHTTPException

from pregao.api.explain import FieldError, explain, shown
from pregao.api.schemas import problem_schema
from pregao.domain.errors import (
    GenerationMissing,
    IllegalTransition,
    InvalidInput,
    JobNotFound,
    QueueFull,
    QueueUnavailable,
    ScheduleNotFound,
    ScheduleRefused,
    ScraperNotFound,
    StoreUnavailable,
)

MEDIA_TYPE = "application/problem+json"
BODY_LIMIT_BYTES = 512 * 1024
_TYPE = "urn:pregao:problem:"

# The specific message may name hosts and paths: it is logged, the answer carries the class's own advice.
_UNAVAILABLE: dict[type[Exception], tuple[str, str, int]] = {
    QueueUnavailable: ("queue-unavailable", "Redis cannot be reached", 5),
    QueueFull: ("queue-full", "The queue is full", 10),
    GenerationMissing: ("queue-rebuilding", "The queue is being rebuilt", 1),
    StoreUnavailable: ("store-unavailable", "PostgreSQL cannot be reached", 5),
}
_TITLES = {404: "Not found", 405: "Method not allowed", 413: "Too large"}


def json_response(content: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """`content` as JSON, written without a second pass over scraped data."""
    body = orjson.dumps(content, option=orjson.OPT_NON_STR_KEYS)
    return Response(body, status, headers, media_type="application/json")


def problem_response(
    status: int,
    kind: str,
    title: str,
    detail: str,
    *,
    errors: Sequence[FieldError] = (),
    retry_after: int | None = None,
    **more: object,
) -> Response:
    """A problem document; `retry_after` is in seconds, `more` are further members."""
    document: dict[str, object] = {"type": _TYPE + kind, "title": title, "status": status, "detail": detail, **more}
    if errors:
        document["errors"] = [msgspec.structs.asdict(error) for error in errors]
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Response(orjson.dumps(document), status, headers, media_type=MEDIA_TYPE)


def described(description: str) -> dict[str, Any]:
    """A problem as the OpenAPI document describes it among an endpoint's answers."""
    return {"description": description, "content": {MEDIA_TYPE: {"schema": problem_schema()}}}


def answer_error(request: Request, error: Exception, known: Sequence[str] = ()) -> Response:
    """The answer to any error; what has no answer of its own is logged and becomes a 500 with a reference.

    `known` are the names that the request may use: an unknown one is answered with the closest.
    """
    match error:
        case RequestValidationError():
            return _invalid_request(error, known)
        case InvalidInput():
            several: list[InvalidInput] = getattr(error, "problems", [error])
            return invalid([FieldError(one.field, shown(one.value), one.problem, one.fix) for one in several])
        case JobNotFound() | IllegalTransition():
            return _job_problem(error)
        case ScheduleNotFound() | ScheduleRefused():
            return _schedule_problem(error)
        case ScraperNotFound():
            return problem_response(
                404, "scraper-not-found", "No such scraper", str(error), suggestions=error.suggestions
            )
        case StarletteHTTPException():
            title = _TITLES.get(error.status_code, "The request cannot be served")
            response = problem_response(error.status_code, "http", title, str(error.detail))
            response.headers.update(error.headers or {})
            return response
    for unavailable, (kind, title, retry_after) in _UNAVAILABLE.items():
        if isinstance(error, unavailable):
            logger.warning("{} {}: {}", request.method, request.url.path, error)
            detail = (unavailable.__doc__ or title).strip()
            return problem_response(503, kind, title, detail, retry_after=retry_after)
    reference = secrets.token_hex(6)
    logger.opt(exception=error).error("{} {} failed (reference {})", request.method, request.url.path, reference)
    detail = f"the cause is in the API's log under the reference {reference}"
    return problem_response(500, "internal", "An error inside Pregão", detail, reference=reference)


def _job_problem(error: JobNotFound | IllegalTransition) -> Response:
    if isinstance(error, JobNotFound):
        detail = f"no job has the id {error.job_id}; GET /api/jobs/list shows those that exist"
        return problem_response(404, "job-not-found", "No such job", detail, job_id=error.job_id)
    return problem_response(
        409, "illegal-transition", "The job's status does not allow that", str(error),
        job_id=error.job_id, job_status=error.status,
    )  # fmt: skip


def _schedule_problem(error: ScheduleNotFound | ScheduleRefused) -> Response:
    if isinstance(error, ScheduleRefused):
        return problem_response(
            409, "schedule-refused", "The schedule does not allow that", str(error), schedule=error.name
        )
    close = f"did you mean {', '.join(error.suggestions)}?" if error.suggestions else "GET /api/schedules lists them"
    return problem_response(
        404, "schedule-not-found", "No such schedule", f"no schedule {shown(error.name)!r} is loaded; {close}",
        schedule=shown(error.name), suggestions=error.suggestions,
    )  # fmt: skip


def invalid(errors: Sequence[FieldError], status: int = 422) -> Response:
    """The answer to bad input."""
    return problem_response(
        status, "invalid-input", "The request is invalid", "; ".join(map(str, errors)), errors=errors
    )


class StrictRequest(Request):
    """A request whose body is bounded and is JSON by the book: no NaN, no Infinity, no half surrogate pairs."""

    async def body(self) -> bytes:
        """The body. Raises HTTPException 413 above 512 KB."""
        if not hasattr(self, "_body"):
            chunks: list[bytes] = []
            size = 0
            async for chunk in self.stream():
                size += len(chunk)
                if size > BODY_LIMIT_BYTES:
                    raise HTTPException(413, f"the body is over {BODY_LIMIT_BYTES} bytes")
                chunks.append(chunk)
            self._body = b"".join(chunks)
        return self._body

    async def json(self) -> Any:
        """The body's JSON. Raises json.JSONDecodeError."""
        return orjson.loads(await self.body())


class ProblemRoute(APIRoute):
    """A route that answers its own errors, so that it does so in any application that it is mounted in."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, with a strict request and errors turned into problems."""
        serve = super().get_route_handler()
        known = _known_names(self.endpoint)

        async def handler(request: Request) -> Response:
            try:
                return await serve(StrictRequest(request.scope, request.receive))
            except Exception as error:  # noqa: BLE001 - the edge: every error has its answer, none its traceback
                return answer_error(request, error, known)

        return handler


def _invalid_request(error: RequestValidationError, known: Sequence[str]) -> Response:
    entries = error.errors()
    status = 400 if any(entry["type"] == "json_invalid" for entry in entries) else 422
    return invalid([explain(entry, known) for entry in entries], status)


def _known_names(endpoint: Callable[..., Any]) -> list[str]:
    """What a request to this endpoint may name: the fields of its body and of its query."""
    hints = [part for hint in get_type_hints(endpoint).values() for part in (hint, *get_args(hint))]
    models = [hint for hint in hints if isinstance(hint, type) and issubclass(hint, BaseModel)]
    return [name for model in models for name in model.model_fields]
