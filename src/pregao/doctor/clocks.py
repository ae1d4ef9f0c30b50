"""Whether a server's clock agrees with this host's: leases and fire times go by the servers' clocks."""

from __future__ import annotations

from datetime import datetime

from pregao.doctor.finding import Finding, ok, warning

OFFSET_SECONDS = 1.0


def compare(server: str, its_time: datetime, asked_at: datetime, answered_at: datetime) -> Finding:
    """`its_time` lies between the question and the answer: their middle is the best that can be known."""
    here = asked_at + (answered_at - asked_at) / 2
    uncertain = (answered_at - asked_at).total_seconds() / 2
    offset = (its_time - here).total_seconds()
    detail = f"{server}'s clock is {abs(offset):.2f} s {'ahead of' if offset > 0 else 'behind'} this host's"
    if abs(offset) - uncertain > OFFSET_SECONDS:
        return warning("clock", detail, "run a time service (chrony, systemd-timesyncd) on both")
    return ok("clock", detail)
