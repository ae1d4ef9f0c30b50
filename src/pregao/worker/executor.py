"""One attempt from claim to settlement, as a list of verbs: resolve, run, normalise, settle."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from random import random
from typing import assert_never

from loguru import logger

from pregao.attempt.judgement import classify
from pregao.attempt.outcome import Completed, Failed, Killed, NeedsLogin, NotHere, Outcome, Stopped, StopReason
from pregao.domain.clock import Clock
from pregao.domain.errors import GenerationMissing, InvalidInput, QueueError, QueueFull, QueueUnavailable
from pregao.domain.failure import Failure, FailureClass, failure
from pregao.domain.names import fold
from pregao.domain.retry import backoff_ms
from pregao.limits.live import LiveLimits
from pregao.limits.result_gate import ResultGate
from pregao.limits.session_watch import SessionWatch, place_of
from pregao.queue.commands import QueueCommands
from pregao.queue.facts import AttemptReport
from pregao.queue.messages import Claim, Settlement
from pregao.scrapers.base import NotConfigured
from pregao.scrapers.here import make_here
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
        limits: LiveLimits,
        gate: ResultGate,
        sessions: SessionWatch,
        offered_elsewhere: Callable[[], Awaitable[frozenset[str]]],
        sample: bool = False,
    ) -> None:
        """`sample` marks every result as made up."""
        self._registry = registry
        self._isolated = isolated
        self._commands = commands
        self._settler = settler
        self._clock = clock
        self._limits = limits
        self._gate = gate
        self._sessions = sessions
        self._offered_elsewhere = offered_elsewhere
        self._in_loop = InLoop(clock)
        self._mark = {"sample": True} if sample else {}

    @property
    def abandoned(self) -> int:
        """Attempts that ignored their cancellation and still run."""
        return self._in_loop.abandoned

    def end_attempts(self) -> None:
        """The tasks of attempts are about to be cancelled from outside; nothing is written for them."""
        self._in_loop.ending = True

    async def execute(
        self,
        claim: Claim,
        stop: asyncio.Future[StopReason],
        *,
        on_over: Callable[[], None],
        on_abandoned: Callable[[Outcome], None],
    ) -> None:
        """Run the attempt and end it in the queue; raises only what the queue itself raises.

        `on_over` is called between the two. `on_abandoned` gets the outcome of an attempt that cannot be stopped: the
        caller has it ended by `end`.
        """
        try:
            outcome = await self._run(claim, stop, on_abandoned)
        except Exception as error:  # noqa: BLE001 - whatever it is costs this job, never the worker
            logger.exception("job {} failed in a way that was not foreseen", claim.job_id)
            outcome = Failed(classify(error))
        if outcome is not None:
            on_over()
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
        missing = await self._sessions.problem_of(entry.name, place_of(entry))
        if missing is not None:
            return NeedsLogin(missing)
        limits = self._limits.of(entry.name)
        timeout = spec.timeout_seconds or limits.timeout_seconds
        if (limits.executor or entry.executor) == "isolated":
            return await self._isolated.run(entry, spec.ticker, token=claim.token, timeout_seconds=timeout, stop=stop)
        make = entry.make if entry.directory is None else partial(make_here, entry)
        return await self._in_loop.run(make, spec.ticker, timeout_seconds=timeout, stop=stop, on_abandoned=on_abandoned)

    async def _without_scraper(self, name: str, problem: Failure) -> Outcome:
        """A scraper that cannot run here fails the job only if no other live worker runs it."""
        if fold(name) in await self._offered_elsewhere():
            return NotHere(f"this worker has no scraper {name!r}; another one does")
        return Failed(problem)

    async def end(self, claim: Claim, outcome: Outcome) -> None:
        """End the attempt in the queue as its outcome says."""
        match outcome:
            case Completed():
                await self._complete(claim, outcome)
            case Failed():
                await self._fail(claim, outcome)
            case Killed():
                await self._settle(claim, self._killed(claim, outcome))
            case Stopped():
                await self._stopped(claim, outcome)
            case NotHere():
                await self._commands.release(
                    [(claim.job_id, claim.token)], delay_ms=ELSEWHERE_DELAY_MS, reason=outcome.message
                )
            case NeedsLogin():
                await self._wait_for_login(claim, outcome.problem)
            case _:
                assert_never(outcome)

    async def _wait_for_login(self, claim: Claim, problem: str) -> None:
        """Hold the scraper first, so that nobody takes the job again at once; it is parked when it is given back."""
        try:
            await self._sessions.hold(self._full_name(claim), problem)
        except QueueError as error:
            logger.warning("the jobs of {} cannot be held yet: {}", claim.spec.scraper_name, error)
        await self._give_back(claim, AttemptReport(error=f"released: needs a login: {problem}"))

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
                await self._fail(claim, Failed(cancelled, footprint=outcome.footprint), counts=False)
            case "lost":
                logger.warning("stopped job {} and wrote nothing: its lease was lost", claim.job_id)
            case "expired":
                await self._give_back(claim, AttemptReport(error="released: the lease could not be renewed"))
            case _:
                assert_never(outcome.reason)

    async def _give_back(
        self, claim: Claim, report: AttemptReport, *, delay_ms: int = 0, hold_ms: int | None = None
    ) -> None:
        """Give an attempt back, however long Redis is away: the job spends no retry, and this is no loss."""
        while True:
            try:
                held = [(claim.job_id, claim.token)]
                (answer,) = await self._commands.release(held, delay_ms=delay_ms, report=report, hold_ms=hold_ms)
            except (QueueUnavailable, QueueFull, GenerationMissing):
                await asyncio.sleep(LATE_RELEASE_SECONDS)
            else:
                what = f"{claim.spec.scraper_name} {claim.spec.ticker or ''}".strip()
                again = f", to run again in {delay_ms / 1000:g} s" if delay_ms else ""
                logger.warning(
                    "{}: attempt {} was given back{} ({}): {}", what, claim.attempt, again, answer.code, report.error
                )
                return

    async def _complete(self, claim: Claim, outcome: Completed) -> None:
        """Settle a result that passes the checks of its scraper; one that does not is a failure."""
        name = self._full_name(claim)
        checks = self._limits.of(name).result_checks
        judgement = await self._gate.judge(name, claim.spec.ticker, outcome.result_json, checks)
        metadata = {**outcome.metadata, **judgement.metadata, **self._mark}
        seconds, source = outcome.response_time_seconds, outcome.source
        if judgement.failure is not None:
            problem = failure(FailureClass.VALIDATION, judgement.failure)
            await self._fail(claim, Failed(problem, seconds, source, metadata, outcome.footprint))
            return
        report = AttemptReport(
            response_time_seconds=seconds, source=source, metadata=metadata, footprint=outcome.footprint
        )
        await self._settle(
            claim, Settlement(claim=claim, completed=True, report=report, result_json=outcome.result_json)
        )

    async def _fail(self, claim: Claim, outcome: Failed, *, counts: bool = True) -> None:
        """End a failed attempt as the limits of its scraper say; what does not count opens no breaker."""
        problem: Failure = outcome.failure
        step = self._limits.next_step(
            self._full_name(claim), problem, retry_count=claim.retry_count, attempt=claim.attempt, chance=random()
        )
        report = AttemptReport(
            error=problem.message,
            error_class=problem.failure_class.value,
            response_time_seconds=outcome.response_time_seconds,
            source=outcome.source,
            metadata={**outcome.metadata, **self._mark},
            footprint=outcome.footprint,
            ignored=step.ignored,
        )
        if step.snoozed:
            await self._give_back(claim, report, delay_ms=step.delay_ms, hold_ms=step.hold_ms)
            return
        settlement = Settlement(
            claim=claim,
            completed=False,
            report=report,
            retryable=step.retryable,
            counts=counts and not step.ignored,
            delay_ms=step.delay_ms,
        )
        await self._settle(claim, settlement)

    def _full_name(self, claim: Claim) -> str:
        """The scraper's own name: a script may have pushed any spelling of it."""
        try:
            return self._registry.resolve_known(claim.spec.scraper_name)
        except InvalidInput:
            return claim.spec.scraper_name

    def _killed(self, claim: Claim, outcome: Killed) -> Settlement:
        """A killed attempt counts like a lost lease: no retry is spent, and the third one fails the job."""
        report = AttemptReport(error=outcome.story, error_class=FailureClass.KILLED.value, footprint=outcome.footprint)
        delay_ms = backoff_ms(claim.attempt - 1)
        return Settlement(claim=claim, completed=False, killed=True, report=report, counts=True, delay_ms=delay_ms)

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
