"""One attempt from claim to settlement, as a list of verbs: resolve, run, normalise, settle."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import assert_never

from loguru import logger

from pregao.attempt.judgement import classify
from pregao.attempt.outcome import Completed, Failed, Killed, NotHere, Outcome, Stopped, StopReason
from pregao.domain.clock import Clock
from pregao.domain.errors import InvalidInput, QueueUnavailable
from pregao.domain.failure import Failure, FailureClass, failure
from pregao.domain.names import fold
from pregao.domain.retry import backoff_ms
from pregao.queue.commands import QueueCommands
from pregao.queue.facts import AttemptReport
from pregao.queue.messages import Claim, Settlement
from pregao.scrapers.base import NotConfigured
from pregao.scrapers.registry import BrokenScraper, Registry
from pregao.worker.inloop import InLoop
from pregao.worker.isolated import Isolated
from pregao.worker.settler import Settler

ELSEWHERE_DELAY_MS = 2_000
LATE_RELEASE_SECONDS = 0.5


class Executor:
    """Runs attempts and reports how they ended. `offered_elsewhere` gives the scrapers of other live workers."""

    def __init__(
        self,
        *,
        registry: Registry,
        isolated: Isolated,
        commands: QueueCommands,
        settler: Settler,
        clock: Clock,
        default_timeout_seconds: float,
        offered_elsewhere: Callable[[], Awaitable[frozenset[str]]],
    ) -> None:
        self._registry = registry
        self._isolated = isolated
        self._commands = commands
        self._settler = settler
        self._clock = clock
        self._default_timeout_seconds = default_timeout_seconds
        self._offered_elsewhere = offered_elsewhere
        self._in_loop = InLoop(clock)

    @property
    def abandoned(self) -> int:
        """Attempts that ignored their cancellation and still run."""
        return self._in_loop.abandoned

    async def execute(
        self, claim: Claim, stop: asyncio.Future[StopReason], on_abandoned: Callable[[Outcome], None]
    ) -> None:
        """Run the attempt and end it in the queue; raises only what the queue itself raises.

        `on_abandoned` gets the outcome of an attempt that cannot be stopped: the caller has it ended by `end`.
        """
        try:
            outcome = await self._run(claim, stop, on_abandoned)
        except Exception as error:  # noqa: BLE001 - whatever it is costs this job, never the worker
            logger.exception("job {} failed in a way that was not foreseen", claim.job_id)
            outcome = Failed(classify(error))
        if outcome is not None:
            await self.end(claim, outcome)

    async def _run(
        self, claim: Claim, stop: asyncio.Future[StopReason], on_abandoned: Callable[[Outcome], None]
    ) -> Outcome | None:
        spec = claim.spec
        try:
            entry = self._registry.find_configured(spec.scraper_name)
        except InvalidInput as error:
            return await self._without_scraper(spec.scraper_name, _failure_of(error))
        except NotConfigured as error:
            return await self._without_scraper(self._registry.resolve(spec.scraper_name), classify(error))
        timeout = spec.timeout_seconds or self._default_timeout_seconds
        if entry.executor == "isolated":
            return await self._isolated.run(entry, spec.ticker, token=claim.token, timeout_seconds=timeout, stop=stop)
        return await self._in_loop.run(
            entry.make, spec.ticker, timeout_seconds=timeout, stop=stop, on_abandoned=on_abandoned
        )

    async def _without_scraper(self, name: str, problem: Failure) -> Outcome:
        """A scraper that cannot run here fails the job only if no other live worker runs it."""
        if fold(name) in await self._offered_elsewhere():
            return NotHere(f"this worker has no scraper {name!r}; another one does")
        return Failed(problem)

    async def end(self, claim: Claim, outcome: Outcome) -> None:
        """End the attempt in the queue as its outcome says."""
        match outcome:
            case Completed():
                await self._settle(claim, self._completed(claim, outcome))
            case Failed():
                await self._settle(claim, self._failed(claim, outcome))
            case Killed():
                await self._settle(claim, self._killed(claim, outcome))
            case Stopped():
                await self._stopped(claim, outcome)
            case NotHere():
                await self._commands.release(
                    [(claim.job_id, claim.token)], delay_ms=ELSEWHERE_DELAY_MS, reason=outcome.message
                )
            case _:
                assert_never(outcome)

    async def _stopped(self, claim: Claim, outcome: Stopped) -> None:
        match outcome.reason:
            case "shutdown":
                await self._commands.release(
                    [(claim.job_id, claim.token)],
                    reason="released: the worker was stopped",
                    footprint=outcome.footprint,
                )
            case "cancel":
                cancelled = failure(FailureClass.KILLED, "cancelled while running", retryable=False)
                await self._settle(claim, self._failed(claim, Failed(cancelled, footprint=outcome.footprint)))
            case "lost":
                logger.warning("stopped job {} and wrote nothing: its lease was lost", claim.job_id)
            case "expired":
                await self._give_back_late(claim)
            case _:
                assert_never(outcome.reason)

    async def _give_back_late(self, claim: Claim) -> None:
        """Give an attempt whose lease could not be renewed back once Redis answers, so that it counts as no loss."""
        while True:
            try:
                held = [(claim.job_id, claim.token)]
                (answer,) = await self._commands.release(held, reason="released: the lease could not be renewed")
            except QueueUnavailable:
                await asyncio.sleep(LATE_RELEASE_SECONDS)
            else:
                logger.warning("gave job {} back late, its lease could not be renewed: {}", claim.job_id, answer.code)
                return

    def _completed(self, claim: Claim, outcome: Completed) -> Settlement:
        report = AttemptReport(
            response_time_seconds=outcome.response_time_seconds,
            source=outcome.source,
            metadata=outcome.metadata,
            footprint=outcome.footprint,
        )
        return Settlement(claim=claim, completed=True, report=report, result_json=outcome.result_json)

    def _failed(self, claim: Claim, outcome: Failed) -> Settlement:
        problem: Failure = outcome.failure
        report = AttemptReport(
            error=problem.message,
            error_class=problem.failure_class.value,
            response_time_seconds=outcome.response_time_seconds,
            source=outcome.source,
            metadata=outcome.metadata,
            footprint=outcome.footprint,
        )
        return Settlement(
            claim=claim,
            completed=False,
            report=report,
            retryable=problem.retryable,
            delay_ms=backoff_ms(claim.retry_count),
        )

    def _killed(self, claim: Claim, outcome: Killed) -> Settlement:
        """A killed attempt counts like a lost lease: no retry is spent, and the third one fails the job."""
        report = AttemptReport(error=outcome.story, error_class=FailureClass.KILLED.value, footprint=outcome.footprint)
        delay_ms = backoff_ms(claim.attempt - 1)
        return Settlement(claim=claim, completed=False, killed=True, report=report, delay_ms=delay_ms)

    async def _settle(self, claim: Claim, settlement: Settlement) -> None:
        settled = await self._settler.settle(settlement)
        what = f"{claim.spec.scraper_name} {claim.spec.ticker or ''}".strip()
        if settled.code == "stale":
            logger.warning("job {} ({}): late settle refused, its lease was lost", claim.job_id, what)
        elif settlement.completed:
            logger.info("{}: completed in {:.3f} s", what, settlement.report.response_time_seconds or 0)
        else:
            logger.warning(
                "{}: attempt {} failed ({}), job is {}: {}",
                what,
                claim.attempt,
                settlement.report.error_class,
                settled.state.value if settled.state else "unknown",
                settlement.report.error,
            )


def _failure_of(error: InvalidInput) -> Failure:
    """What a job of a scraper that is not found comes to: one that does not load may be mended soon."""
    if isinstance(error, BrokenScraper):
        return failure(FailureClass.BUG, str(error), retryable=True)
    return failure(FailureClass.PERMANENT, str(error))
