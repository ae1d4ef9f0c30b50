"""PostgreSQL: whether it is new enough, takes and keeps results, has room for connections, and has our tables."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from pregao.doctor.clocks import compare
from pregao.doctor.finding import Finding, error, ok, warning
from pregao.doctor.origin import database_origin
from pregao.domain.clock import Clock
from pregao.domain.errors import StoreUnavailable
from pregao.settings import Settings
from pregao.store.migrations import MigrationState
from pregao.store.migrations import compare as compare_migrations
from pregao.store.server_facts import ServerFacts, read_server_facts
from pregao.system.banner import without_password

OLDEST_VERSION = 14
NEARLY_USED_UP = 0.9
SUBJECT = "PostgreSQL"


async def look_at_postgres(settings: Settings, clock: Clock) -> AsyncIterator[Finding]:
    """The server, its clock, and the tables in it. Raises StoreUnavailable when it goes away."""
    dsn = settings.resolve_database_url()
    asked_at = clock.now()
    try:
        facts = await read_server_facts(dsn)
    except StoreUnavailable as reason:
        cure = "start it with `pregao up`, or correct DATABASE_URL"
        yield error(SUBJECT, f"{reason} ({database_origin(settings)})", cure)
        return
    answered_at = clock.now()
    for finding in judge(facts, f"{database_origin(settings)}, {without_password(dsn)}"):
        yield finding
    yield compare(SUBJECT, facts.now, asked_at, answered_at)
    for finding in _migrations(await compare_migrations(dsn)):
        yield finding


def judge(facts: ServerFacts, where: str) -> Iterator[Finding]:
    """What a server's facts say about it; `where` says which server this is."""
    detail = f"version {facts.version}, {where}"
    if facts.version_number < OLDEST_VERSION * 10_000:
        yield error(SUBJECT, f"{detail}: too old", f"use PostgreSQL {OLDEST_VERSION} or newer")
    else:
        yield ok(SUBJECT, detail)
    if facts.is_standby:
        yield error(SUBJECT, "this server is a standby, which takes no writes", "set DATABASE_URL to its primary")
    elif facts.is_read_only:
        cure = "set default_transaction_read_only to off, for the server, the database or the user"
        yield error(SUBJECT, "transactions are read-only here, so that nothing can be recorded", cure)
    if facts.encoding != "UTF8":
        detail = f"the database is encoded as {facts.encoding}: whatever that cannot say is refused"
        yield error(SUBJECT, detail, "make a database with ENCODING 'UTF8', and migrate that")
    if facts.connections >= NEARLY_USED_UP * facts.max_connections:
        detail = f"{facts.connections} of {facts.max_connections} connections are in use"
        yield warning(SUBJECT, detail, "raise max_connections, or put pgbouncer in front of it")
    yield from _durability(facts)


def _durability(facts: ServerFacts) -> Iterator[Finding]:
    """A fact leaves Redis once PostgreSQL says that it is committed: that word must be good."""
    subject = "PostgreSQL persistence"
    if not facts.fsync or not facts.full_page_writes:
        off = "fsync" if not facts.fsync else "full_page_writes"
        yield warning(subject, f"{off} is off: a power cut may ruin the database", f"set {off} to on")
    if not facts.waits_for_disk:
        detail = "synchronous_commit is off: a crash may lose results that were reported as recorded"
        yield warning(subject, detail, "set synchronous_commit to on, for the server, the database or the user")


def _migrations(state: MigrationState) -> Iterator[Finding]:
    if state.missing:
        yield error("migrations", f"not applied: {', '.join(state.missing)}", "pregao migrate")
    if state.unknown:
        detail = f"applied here and unknown to this version: {', '.join(state.unknown)}"
        yield error("migrations", detail, "run the newer version that applied them, or use another database")
    if state.changed:
        detail = f"applied with other contents than those shipped: {', '.join(state.changed)}"
        yield error("migrations", detail, "restore the files, and put changes into a new migration")
    if not (state.missing or state.unknown or state.changed):
        yield ok("migrations", "all applied")
