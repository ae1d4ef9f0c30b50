"""The slowest call of each of our scripts in this whole run, out of the server's SLOWLOG. It runs last."""

from __future__ import annotations

from bench.session import Session
from bench.table import Goal, Outcome


def measure(session: Session) -> Outcome:
    """Milliseconds; scripts that never took one are not listed."""
    outcome = Outcome("slowest script", "ms", notes="out of every scenario above")
    for name, (milliseconds, above) in sorted(session.slowest.items(), key=lambda item: -item[1][0]):
        outcome.add(f"{name} ({above} above 1 ms)", milliseconds)
    slowest = max((milliseconds for milliseconds, _ in session.slowest.values()), default=0.0)
    outcome.goals = [Goal("ms", slowest, 10, at_least=False)]
    return outcome
