"""Request and response models of the endpoints about scrapers, failures and the audit trail."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from pregao.api.queue_schemas import Length, Who
from pregao.api.schemas import NAME_LIMIT_BYTES, PeriodQuery, text_of
from pregao.domain.failure import FailureClass


def _lowered(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


class LimitsChange(BaseModel):
    """Limits to change, by their names in the file, nested or dotted; null takes a change back."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={"examples": [{"rate": "10/min", "backoff": {"jitter": 0.2}, "enabled": None, "who": "ana"}]},
    )

    who: Who = Field("api", description="Who changes it; it is kept")
    why: Annotated[str, text_of(1000, "say why, or leave it out")] | None = Field(None, description="The reason")

    @property
    def changes(self) -> dict[str, Any]:
        """The limits."""
        return dict(self.model_extra or {})


class TripRequest(BaseModel):
    """Open a breaker by hand."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"why": "prices are a day old", "for": "30m", "who": "ana"}]},
    )

    why: Annotated[str, text_of(1000, "say why: somebody will wonder")] = Field(description="The reason; it is shown")
    lasting: Length | None = Field(
        None, alias="for", description="How long: 30m, 2h, 1d; then one job tries. Left out: until somebody resets it"
    )
    who: Who = Field("api", description="Who asks; it is kept")


class ResetRequest(BaseModel):
    """Let a scraper run again, whatever was held against it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"hosts": True, "who": "ana"}]})

    hosts: bool = Field(
        False, description="Whether to forget what its hosts asked for too: others may ask them as well"
    )
    who: Who = Field("api", description="Who asks; it is kept")


class SettingView(BaseModel):
    """The value of one limit (`none` for no limit) and where it comes from."""

    value: Any
    source: str = Field(description="override, file, defaults, environment or built in")
    detail: str | None = Field(description="who and when, file:line, or the variable")


class LoginView(BaseModel):
    """Why the jobs of a scraper wait for a login."""

    why: str
    host: str
    since: str


class BreakerView(BaseModel):
    """The breaker of a scraper. `failures` of `error_class` in a row are counted while it is closed as well."""

    state: str = Field(description="closed, open or probing: one job at a time is let through")
    since: str | None
    until: str | None = Field(description="when it starts probing; null until somebody resets it, or when it is closed")
    who: str | None = Field(description="who tripped it; `breaker` when it opened by itself")
    why: str | None
    error_class: str | None
    failures: int


class ScraperBriefView(BaseModel):
    """A scraper in a list."""

    name: str
    installed: bool
    source: str | None
    module: str | None
    class_name: str | None
    executor: str | None
    transport: str | None
    needs_login: bool | None
    takes_argument: bool | None
    canary: str | None
    file: str | None
    missing_configuration: str | None
    enabled: bool
    disabled_by: str | None
    login: LoginView | None
    breaker: BreakerView | None = Field(description="null while Redis is away")
    slowed: list[dict[str, Any]] | None = Field(description="Its sources that asked to be left alone")
    paused: dict[str, Any] | None
    parked: int | None = Field(description="Jobs that are ready and held back")
    overridden: list[str]


class LimitsFileView(BaseModel):
    """The file of limits as it is on disk."""

    path: str
    exists: bool
    in_force: str | None = Field(description="While the file is broken: where, and what is in force instead")
    problems: list[str]
    warnings: list[str]


class ScraperListView(BaseModel):
    """All scrapers that are known here."""

    file: LimitsFileView
    scrapers: list[ScraperBriefView]


class ObservedView(BaseModel):
    """How long the good results of the last seven days took."""

    results: int
    p95_seconds: float | None


class ScraperView(ScraperBriefView):
    """One scraper with every limit."""

    limits: dict[str, SettingView]
    overrides: dict[str, Any]
    overrides_unread: str | None
    file_in_force: str | None = Field(description="While the file is broken: where, and what is in force instead")
    observed: ObservedView | None


class ScraperAuditQuery(BaseModel):
    """Which changes to show."""

    model_config = ConfigDict(extra="forbid")

    scraper_name: Annotated[str, text_of(NAME_LIMIT_BYTES, "write one, or leave it out")] | None = Field(
        None, description="Only what is about this scraper"
    )
    before: AwareDatetime | None = Field(None, description="Only what happened before; ISO 8601 with offset")
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class FailuresQuery(PeriodQuery):
    """Which failures to group."""

    scraper_name: Annotated[str, text_of(NAME_LIMIT_BYTES, "write one, or leave it out")] | None = Field(
        None, description="The scraper, by any spelling that names just one"
    )
    error_class: Annotated[FailureClass, BeforeValidator(_lowered)] | None = Field(None, description="Only this class")
    limit: Annotated[int, Field(ge=1, le=500)] = 50


class FailureExampleView(BaseModel):
    """The newest failure of a group."""

    job_id: str
    ticker: str | None
    error: str | None


class FailureGroupView(BaseModel):
    """Failures with one fingerprint; `ignored` ones say nothing against their scraper."""

    fingerprint: str
    scraper_name: str
    error_class: str
    ignored: bool
    attempts: int
    jobs: int
    first_seen: str
    last_seen: str
    example: FailureExampleView


class FailureGroupsView(BaseModel):
    """Equal failures of a period, the most frequent first."""

    period: str
    failures: list[FailureGroupView]
