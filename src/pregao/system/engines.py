"""The embedded engines that a system needs: those for which the user named no server."""

from __future__ import annotations

from loguru import logger

from pregao.embedded.home import Home
from pregao.embedded.postgres import Postgres
from pregao.embedded.valkey import Valkey
from pregao.settings import Settings

REDIS_PORT = 6379
DATABASE_PORT = 5432


class Engines:
    """Starts, restarts and stops the embedded engines of one home. Use it as a context manager, in the main thread."""

    def __init__(self, home: Home, settings: Settings) -> None:
        self.settings = settings
        self.valkey: Valkey | None = None
        self.postgres: Postgres | None = None
        if settings.own_redis_url is None:
            self.valkey = Valkey(
                home.path / "valkey",
                home.sockets(),
                home.logs / "valkey.log",
                port=REDIS_PORT,
                durability=settings.fsync,
                maxmemory_mb=settings.maxmemory_mb,
            )
        if settings.own_database_url is None:
            self.postgres = Postgres(
                home.path / "postgres", home.sockets(), home.logs / "postgres.log", port=DATABASE_PORT
            )

    def __enter__(self) -> Engines:
        try:
            # Both at once: each takes most of its time waiting.
            for engine in self.all:
                engine.launch()
            for engine in self.all:
                engine.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def all(self) -> list[Valkey | Postgres]:
        """The embedded engines in use."""
        return [engine for engine in (self.valkey, self.postgres) if engine is not None]

    @property
    def redis_url(self) -> str:
        """Where scripts on this machine reach Redis."""
        return self.valkey.url if self.valkey else str(self.settings.own_redis_url)

    @property
    def database_url(self) -> str:
        """Where scripts on this machine reach PostgreSQL, password included."""
        return self.postgres.url if self.postgres else str(self.settings.own_database_url)

    @property
    def child_urls(self) -> dict[str, str]:
        """The variables that bring our own processes to the engines, through private sockets where there are some."""
        return {
            "REDIS_URL": self.valkey.private_url if self.valkey else self.redis_url,
            "DATABASE_URL": self.postgres.private_url if self.postgres else self.database_url,
        }

    def stop(self) -> None:
        """End them cleanly; an engine that does not run is passed over."""
        for engine in self.all:
            engine.stop()

    def kill(self) -> None:
        """End them at once; the next start recovers."""
        for engine in self.all:
            engine.kill()

    def dead(self) -> list[Valkey | Postgres]:
        """The engines that ended without being asked."""
        gone = [engine for engine in self.all if not engine.process.alive]
        for engine in gone:
            logger.error("{} ended unexpectedly; its log ends:\n{}", engine.process.name, engine.process.tail()[-500:])
        return gone
