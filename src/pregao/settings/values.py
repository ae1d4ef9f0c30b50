"""Every setting, with its variable, default and allowed values."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from pregao.domain.errors import InvalidInput
from pregao.settings.fixes import fix_for
from pregao.settings.given import DEFAULT_HOME, SAMPLE, InvalidSettings, sources
from pregao.settings.memory_marks import MEMORY_GAP_PERCENT, below_high_mark
from pregao.settings.prices import ModelName, Prices
from pregao.settings.run_file import RunFile
from pregao.settings.scraper_environment import (
    ScraperEnvironment,
    directories,
    readable_directory,
    variable_name,
)

UPSTREAM = "PREGAO_UPSTREAM_"
USER_AGENT = "PREGAO_USER_AGENT_"
SECRETS = ("BRAPI_TOKEN", "COINMARKETCAP_API_KEY", "GEMINI_API_KEY", "OPENAI_API_KEY")
"""The keys that scrapers of ours use."""
SECRET_ENDINGS = ("_API_KEY", "_TOKEN")
"""Other variables with these endings are there for the users' own scrapers, and are as secret."""
LOCAL_REDIS_URL = "redis://127.0.0.1:6379/0"
LOCAL_DATABASE_URL = "postgresql://postgres@127.0.0.1:5432/postgres"
_BY_SOURCE = {"upstreams": UPSTREAM, "user_agents": USER_AGENT}
LONGEST_SILENCE_MS = 5_000


def _one_of_schemes(*schemes: str) -> AfterValidator:
    wanted = f"a URL that starts with {' or '.join(f'{scheme}://' for scheme in schemes)}"

    def check(url: str) -> str:
        try:
            parts = urlsplit(url)
            known = parts.scheme in schemes
        except ValueError:
            raise ValueError(f"{wanted}, with an IPv6 address in brackets like [::1]") from None
        if not known:
            raise ValueError(wanted)
        try:
            _ = parts.port
        except ValueError:
            raise ValueError(f"{wanted}, with a port from 1 to 65535") from None
        if parts.scheme in ("redis", "rediss") and not (parts.path.strip("/").isdigit() or parts.path in ("", "/")):
            raise ValueError(f"{wanted}, with the number of a database after the host, for example /0")
        return url

    return AfterValidator(check)


def _upper(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _listed(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _visible(text: str) -> str:
    if not text.strip() or any(character.isspace() for character in text):
        raise ValueError("text without spaces, for example scraper:")
    return text


def _is_sendable(text: str) -> bool:
    """Whether it can travel in an HTTP header. Anything else would break the request, and be shown in its error."""
    return text.isascii() and text.isprintable() and bool(text) and " " not in text


def _sendable(secret: SecretStr) -> SecretStr:
    if not _is_sendable(secret.get_secret_value()):
        raise ValueError("the key as the source gave it: ASCII text without spaces")
    return secret


def _header_text(text: str) -> str:
    text = text.strip()
    if not text or not text.isascii() or not text.isprintable():
        raise ValueError("the text of an HTTP header: printable ASCII, for example Mozilla/5.0 (X11; Linux x86_64)")
    return text


def _import_path(path: str) -> str:
    module, colon, name = path.partition(":")
    if not (module and colon and name.isidentifier()):
        raise ValueError("import paths as module:Class, separated by commas")
    return path


Port = Annotated[int, Field(ge=1, le=65535)]
LogLevel = Literal["TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL"]


class Settings(BaseModel):
    """All settings of one process. Frozen; build it with `Settings.load()` and pass it along.

    An attribute's alias is its environment variable. Unknown variables are ignored.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="ignore")

    pregao_home: Path = Field(Path(DEFAULT_HOME), alias="PREGAO_HOME")
    redis_url: Annotated[str, _one_of_schemes("redis", "rediss", "unix")] | None = Field(
        None, alias="REDIS_URL", repr=False
    )
    redis_host: str | None = Field(None, alias="REDIS_HOST")
    redis_port: Port | None = Field(None, alias="REDIS_PORT")
    redis_db: Annotated[int, Field(ge=0)] | None = Field(None, alias="REDIS_DB")
    redis_password: str | None = Field(None, alias="REDIS_PASSWORD", repr=False)
    database_url: Annotated[str, _one_of_schemes("postgresql", "postgres")] | None = Field(
        None, alias="DATABASE_URL", repr=False
    )
    db_host: str | None = Field(None, alias="DB_HOST")
    db_port: Port | None = Field(None, alias="DB_PORT")
    db_username: str | None = Field(None, alias="DB_USERNAME")
    db_password: str | None = Field(None, alias="DB_PASSWORD", repr=False)
    db_database: str | None = Field(None, alias="DB_DATABASE")
    key_prefix: Annotated[str, AfterValidator(_visible)] = Field("scraper:", alias="PREGAO_PREFIX")
    schedules_path: Path = Field(Path("config/scraper_schedules.yaml"), alias="PREGAO_SCHEDULES")
    scrapers_file: Path = Field(Path("config/scrapers.yaml"), alias="PREGAO_SCRAPERS_FILE")
    concurrent_jobs: Annotated[int, Field(ge=1, le=1000)] = Field(3, alias="SCRAPER_CONCURRENT_JOBS")
    max_retries: Annotated[int, Field(ge=0, le=100)] = Field(3, alias="SCRAPER_MAX_RETRIES")
    timeout_ms: Annotated[int, Field(ge=1, le=86_400_000)] = Field(60_000, alias="SCRAPER_TIMEOUT")
    lease_ms: Annotated[int, Field(ge=300, le=3_600_000)] = Field(15_000, alias="PREGAO_LEASE_MS")
    grace_seconds: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = Field(
        30.0, alias="PREGAO_GRACE_SECONDS"
    )
    log_level: Annotated[LogLevel, BeforeValidator(_upper)] = Field("INFO", alias="LOG_LEVEL")
    log_file: Path | None = Field(None, alias="LOG_FILE")
    api_host: Annotated[str, Field(min_length=1)] = Field("127.0.0.1", alias="API_HOST")
    api_port: Port = Field(3000, alias="API_PORT")
    allow_open_api: bool = Field(False, alias="PREGAO_ALLOW_OPEN_API")
    chrome_headless: bool = Field(True, alias="CHROME_HEADLESS")
    fsync: Literal["everysec", "always"] = Field("everysec", alias="PREGAO_FSYNC")
    maxmemory_mb: Annotated[int, Field(ge=16)] = Field(512, alias="PREGAO_MAXMEMORY_MB")
    extra_scrapers: Annotated[tuple[Annotated[str, AfterValidator(_import_path)], ...], BeforeValidator(_listed)] = (
        Field((), alias="PREGAO_SCRAPERS")
    )
    scrapers_path: Annotated[
        tuple[Annotated[Path, AfterValidator(readable_directory)], ...], BeforeValidator(directories)
    ] = Field((), alias="SCRAPERS_PATH")
    scrapers_env: Annotated[tuple[Annotated[str, AfterValidator(variable_name)], ...], BeforeValidator(_listed)] = (
        Field((), alias="SCRAPERS_ENV")
    )
    scrapers_load_seconds: Annotated[float, Field(gt=0, le=600, allow_inf_nan=False)] = Field(
        20.0, alias="SCRAPERS_LOAD_SECONDS"
    )
    scraper_memory_mb: Annotated[int, Field(ge=0)] = Field(1024, alias="SCRAPER_MEMORY_MB")
    scraper_cpu_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(0.0, alias="SCRAPER_CPU_SECONDS")
    scraper_processes: Annotated[int, Field(ge=0)] = Field(1024, alias="SCRAPER_PROCESSES")
    scraper_cleanup_seconds: Annotated[float, Field(ge=0, le=600, allow_inf_nan=False)] = Field(
        5.0, alias="SCRAPER_CLEANUP_SECONDS"
    )
    scraper_initialize: Annotated[Literal["auto", "always", "never"], BeforeValidator(_lower)] = Field(
        "auto", alias="SCRAPER_INITIALIZE"
    )
    scraper_browsers: Annotated[int, Field(ge=1, le=1000)] = Field(2, alias="SCRAPER_BROWSERS")
    browser_distance_seconds: Annotated[float, Field(ge=0, le=60, allow_inf_nan=False)] = Field(
        0.5, alias="SCRAPER_BROWSER_DISTANCE_SECONDS"
    )
    memory_high_percent: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = Field(
        85.0, alias="PREGAO_MEMORY_HIGH_PERCENT"
    )
    memory_low_percent: Annotated[
        float | None, Field(ge=0, le=100, allow_inf_nan=False), AfterValidator(below_high_mark)
    ] = Field(None, alias="PREGAO_MEMORY_LOW_PERCENT")
    scraper_environment: ScraperEnvironment = Field(default_factory=ScraperEnvironment, repr=False, exclude=True)
    chatgpt_model: ModelName = Field("gpt-4o", alias="PREGAO_CHATGPT_MODEL")
    gemini_model: ModelName = Field("gemini-2.5-flash", alias="PREGAO_GEMINI_MODEL")
    ai_prompt: Path | None = Field(None, alias="PREGAO_AI_PROMPT")
    ai_max_tokens: Annotated[int, Field(ge=16, le=1_000_000)] = Field(4096, alias="PREGAO_AI_MAX_TOKENS")
    ai_budget_usd: Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)] = Field(
        10.0, alias="PREGAO_AI_BUDGET_USD"
    )
    ai_prices: Prices = Field(default_factory=dict, alias="PREGAO_AI_PRICES")
    upstreams: dict[str, Annotated[str, _one_of_schemes("http", "https")]] = Field(default_factory=dict)
    sample: bool = Field(False, alias=SAMPLE)
    user_agents: dict[str, Annotated[str, AfterValidator(_header_text)]] = Field(default_factory=dict)
    secrets: dict[str, Annotated[SecretStr, AfterValidator(_sendable)]] = Field(default_factory=dict, repr=False)

    @classmethod
    def load(
        cls,
        env_file: str | Path | None = ".env",
        *,
        environ: Mapping[str, str] | None = None,
        ignoring: Collection[str] = (),
        **overrides: Any,
    ) -> Settings:
        """Read `environ` (default: the process's), then `env_file` for what it leaves open.

        An empty value counts as not given, and so does each variable in `ignoring`. `overrides` are attributes by name
        and win over both. Raises InvalidSettings naming every bad variable at once.
        """
        process, file = sources(env_file, environ)
        given = {name: value for name, value in {**file, **process}.items() if name not in ignoring}
        known: dict[str, Any] = {
            name: given[field.alias]
            for name, field in cls.model_fields.items()
            if field.alias is not None and field.alias in given
        }
        for attribute, prefix in _BY_SOURCE.items():
            known[attribute] = {
                name.removeprefix(prefix): value for name, value in given.items() if name.startswith(prefix)
            }
        known["secrets"] = {
            name: value.strip()
            for name, value in given.items()
            if name in SECRETS or (name.endswith(SECRET_ENDINGS) and _is_sendable(value.strip()))
        }
        known["scraper_environment"] = ScraperEnvironment.of(
            process, file, secrets=_secrets(), listed=_listed(given.get("SCRAPERS_ENV", ""))
        )
        try:
            return cls.model_validate(known | overrides)
        except ValidationError as error:
            raise InvalidSettings([_problem(entry) for entry in error.errors()]) from None

    @property
    def renew_ms(self) -> int:
        """Milliseconds between two renewals of a lease: three chances before it ends, or more.

        A renewal is the worker's heartbeat too: with a long lease it must not come so rarely that nobody hears it.
        """
        return min(self.lease_ms // 3, LONGEST_SILENCE_MS)

    @property
    def memory_mark_percents(self) -> tuple[float, float]:
        """The use of memory from which on a worker claims nothing, and below which it claims again; 0 for no mark."""
        high, low = self.memory_high_percent, self.memory_low_percent
        return high, max(0.0, high - MEMORY_GAP_PERCENT) if low is None else low

    @property
    def home(self) -> Path:
        """PREGAO_HOME as an absolute path."""
        return Path(os.path.abspath(self.pregao_home.expanduser()))  # noqa: PTH100 - resolve() would follow links

    @property
    def own_redis_url(self) -> str | None:
        """The URL of a Redis that the user named; None when the embedded one is to be used."""
        if self.redis_url:
            return self.redis_url
        if (self.redis_host, self.redis_port, self.redis_db, self.redis_password) == (None,) * 4:
            return None
        login = f":{quote(self.redis_password, safe='')}@" if self.redis_password else ""
        return f"redis://{login}{_host(self.redis_host)}:{self.redis_port or 6379}/{self.redis_db or 0}"

    @property
    def own_database_url(self) -> str | None:
        """The URL of a PostgreSQL that the user named; None when the embedded one is to be used."""
        if self.database_url:
            return self.database_url
        if (self.db_host, self.db_port, self.db_username, self.db_password, self.db_database) == (None,) * 5:
            return None
        user = quote(self.db_username or "postgres", safe="")
        password = f":{quote(self.db_password, safe='')}" if self.db_password else ""
        database = quote(self.db_database or "postgres", safe="")
        return f"postgresql://{user}{password}@{_host(self.db_host)}:{self.db_port or 5432}/{database}"

    def resolve_redis_url(self) -> str:
        """Where Redis is: what the user named, else the running `pregao up` of this home, else localhost."""
        run = None if self.own_redis_url else RunFile.read_live(self.home)
        return self.own_redis_url or (run.redis_url if run else LOCAL_REDIS_URL)

    def resolve_database_url(self) -> str:
        """Where PostgreSQL is: what the user named, else the running `pregao up` of this home, else localhost."""
        run = None if self.own_database_url else RunFile.read_live(self.home)
        return self.own_database_url or (run.database_url if run else LOCAL_DATABASE_URL)

    def upstream(self, name: str, default: str) -> str:
        """Scheme and host of source `name`, without a final slash: PREGAO_UPSTREAM_<NAME>, else `default`."""
        return self.upstreams.get(name.upper(), default).rstrip("/")

    def user_agent(self, name: str, default: str) -> str:
        """What source `name` is told that we are: PREGAO_USER_AGENT_<NAME>, else `default`."""
        return self.user_agents.get(name.upper(), default)

    def secret(self, name: str) -> str | None:
        """The key or token in the variable `name`; None when it is not set. Never log it, or put it into a message."""
        found = self.secrets.get(name)
        return found.get_secret_value() if found is not None else None


def _secrets() -> frozenset[str]:
    """The variables that hold a secret of ours: those of the fields that no representation shows."""
    return frozenset(field.alias for field in Settings.model_fields.values() if field.alias and not field.repr)


def _host(host: str | None) -> str:
    host = host or "localhost"
    return f"[{host}]" if ":" in host else host


def _variable(attribute: str, key: str = "", *_: str) -> str:
    """The environment variable behind a place in Settings."""
    if attribute in _BY_SOURCE:
        return f"{_BY_SOURCE[attribute]}{key}"
    field = Settings.model_fields.get(attribute)
    return key if attribute == "secrets" else (field.alias if field else None) or attribute


def _problem(entry: Any) -> InvalidInput:
    name = _variable(*(str(part) for part in entry["loc"]))
    context = entry.get("ctx", {})
    value = entry["input"]
    if name.endswith(("PASSWORD", *SECRET_ENDINGS)) or name in ("REDIS_URL", "DATABASE_URL"):
        value = "(hidden)"
    if entry["type"] == "refused":
        return InvalidInput(name, str(value), context["problem"], context["fix"])
    return InvalidInput(name, value, "is not allowed", fix_for(entry))
