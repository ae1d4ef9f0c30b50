"""What the doctor says, in a form in which tests can ask for it."""

from __future__ import annotations

from pathlib import Path

from pregao.doctor import Finding, examine
from pregao.domain.clock import Clock
from pregao.settings import Settings

SOUND_SCHEDULES = "schedules:\n  rates: {scraper: BCB, type: cron, hour: 10, tickers: [SELIC]}\n"


class Diagnosis:
    """All findings of one examination."""

    def __init__(self, findings: list[Finding]) -> None:
        for finding in findings:
            assert finding.subject
            assert finding.detail
            assert (finding.state == "ok") == (finding.cure == ""), f"what is wrong comes with a cure: {finding}"
        self.findings = findings

    def of(self, subject: str) -> list[Finding]:
        return [finding for finding in self.findings if finding.subject == subject]

    def states(self, subject: str) -> list[str]:
        return [finding.state for finding in self.of(subject)]

    def wrong(self) -> list[Finding]:
        """Everything that is not well."""
        return [finding for finding in self.findings if finding.state != "ok"]

    def the(self, subject: str, state: str, text: str) -> Finding:
        """The one finding of this kind with `text` in its detail."""
        found = [one for one in self.of(subject) if one.state == state and text in one.detail]
        assert len(found) == 1, f"{len(found)} {state}s of {subject} with {text!r} among {self.findings}"
        return found[0]


async def diagnose(settings: Settings, clock: Clock | None = None) -> Diagnosis:
    return Diagnosis(await examine(settings, clock))


def with_schedules(settings: Settings, directory: Path, text: str = SOUND_SCHEDULES) -> Settings:
    """The settings with a schedule file of this text."""
    path = directory / "schedules.yaml"
    path.write_text(text)
    return settings.model_copy(update={"schedules_path": path})
