"""What it takes to unpack and index a whole day of COTAHIST: `python -m bench.cotahist [TIMES]`.

The file is a sample of the size of a real one; B3's of 25 June 2021 has as many records. 80 ms are the bar.
"""

from __future__ import annotations

import io
import sys
import time
import zipfile
from datetime import UTC, date, datetime
from itertools import cycle, islice
from statistics import median

from pregao.domain.clock import ManualClock
from pregao.sample_market.market import Market
from pregao.sample_market.sources.b3_cotahist import text
from pregao.scrapers.builtin.b3_cotahist import read_archive

DAY = date(2026, 10, 5)
RECORDS = 7_520
"""Header and trailer included."""
TIMES = 200
BAR_MS = 80
_TICKER = slice(12, 24)


def whole_day() -> bytes:
    """The ZIP: the records of a sample day over and over, each round under tickers of its own."""
    header, *records, trailer, _ = text(Market(1, ManualClock(datetime(2026, 10, 6, tzinfo=UTC))), DAY).split(b"\r\n")
    lines = []
    for number, record in enumerate(islice(cycle(records), RECORDS - 2)):
        again = number // len(records)
        ticker = record[_TICKER].rstrip() + (b"%d" % again if again else b"")
        lines.append(record[: _TICKER.start] + ticker.ljust(12)[:12] + record[_TICKER.stop :])
    trailer = (trailer[:31] + b"%011d" % RECORDS).ljust(245)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr(f"COTAHIST_D{DAY:%d%m%Y}.TXT", b"".join(line + b"\r\n" for line in (header, *lines, trailer)))
    return buffer.getvalue()


def measure(zipped: bytes, times: int) -> list[float]:
    """Milliseconds that each of so many readings took, sorted."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        file = read_archive(zipped)
        taken.append((time.perf_counter() - began) * 1000)
        assert file.records == RECORDS
    return sorted(taken)


def main() -> None:
    """Print what a reading takes."""
    taken = measure(whole_day(), int(sys.argv[1]) if len(sys.argv) > 1 else TIMES)
    print(
        f"{RECORDS:,} records: p50 {median(taken):.1f} ms   p95 {taken[int(len(taken) * 0.95)]:.1f} ms   "
        f"(bar {BAR_MS} ms, in a thread beside the event loop)"
    )


if __name__ == "__main__":
    main()
