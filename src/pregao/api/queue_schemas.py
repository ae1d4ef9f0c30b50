"""Request and response models of the endpoints under /api/queue."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from pregao.api.schemas import NAME_LIMIT_BYTES, Priority, period_of, refused, text_of
from pregao.domain.job import JobPriority

FAIR_LIMIT = 1000
CAP_LIMIT = 10_000


def _length(value: object) -> timedelta:
    if not isinstance(value, str):
        raise refused("is not a period", "write a number and m, h or d, for example 30m, 2h or 1d")
    return period_of(value)


Length = Annotated[timedelta, BeforeValidator(_length)]
Who = Annotated[str, text_of(NAME_LIMIT_BYTES, "say who asks")]


class Rule(BaseModel):
    """About a queue or a scraper."""

    model_config = ConfigDict(extra="forbid")

    priority: Priority | None = Field(None, description="A queue: high, normal or low")
    scraper_name: str | None = Field(None, description="A scraper, by any spelling of its name")
    who: Who = Field("api", description="Who asks; it is kept")


class PauseRequest(Rule):
    """Let jobs wait."""

    why: Annotated[str, text_of(1000, "say why: somebody will wonder")] = Field(description="The reason; it is shown")
    until: AwareDatetime | None = Field(None, description="When it ends by itself; ISO 8601 with offset")
    lasting: Length | None = Field(None, alias="for", description="How long it lasts instead: 30m, 2h, 1d")

    @model_validator(mode="after")
    def _one_end(self) -> PauseRequest:
        if self.until is not None and self.lasting is not None:
            raise refused("says both until and for", "give one of them")
        return self

    def end(self, now: datetime) -> datetime | None:
        """When the pause ends, None for never."""
        return now + self.lasting if self.lasting is not None else self.until


class ResumeRequest(Rule):
    """Let jobs run again."""


class CapRequest(Rule):
    """How many jobs of a scraper run at once."""

    concurrency: Annotated[int, Field(ge=0, le=CAP_LIMIT)] | None = Field(description="null for any number")


class FairRequest(BaseModel):
    """Whether lower queues get their turn."""

    model_config = ConfigDict(extra="forbid")

    every: Annotated[int, Field(ge=2, le=FAIR_LIMIT)] | None = Field(
        description="One of so many jobs comes from a lower queue; null for strict order"
    )
    who: Who = "api"


class AuditQuery(BaseModel):
    """How much of the past."""

    limit: Annotated[int, Field(ge=1, le=500)] = 50


class ControlsView(BaseModel):
    """What holds jobs back, and what it holds back."""

    paused: list[dict[str, Any]]
    breakers: list[dict[str, Any]] = Field(description="Breakers that are not closed")
    slowed: list[dict[str, Any]] = Field(description="Sources that asked to be left alone, and their distance since")
    logins: list[dict[str, Any]] = Field(description="Scrapers whose jobs wait for a login")
    caps: dict[str, int]
    fair: int | None
    parked: dict[str, dict[JobPriority, int]]


class AuditView(BaseModel):
    """Changes, newest first."""

    changes: list[dict[str, Any]]
