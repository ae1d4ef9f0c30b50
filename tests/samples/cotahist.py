"""COTAHIST files made to measure: records of 245 columns, with invented prices."""

from __future__ import annotations

import io
import zipfile
from datetime import date


def record(
    ticker: str,
    day: date,
    *,
    close: int = 3010,
    bdi: str = "02",
    market: str = "010",
    term: str = "",
    trades: int = 1_000,
    qty: int = 250_000,
    volume: int = 752_500_000,
    bid: int | None = None,
    strike: int = 0,
    expiry: str = "99991231",
    factor: int = 1,
    spec: str = "PN      N2",
    name: str = "SAMPLE CO",
    isin: str = "BRSMPLACNPR6",
) -> bytes:
    """One quotation. Prices and volume are in cents; open, high, low and average lie around `close`."""
    prices = (close - 10, close + 40, close - 60, close - 5, close, close if bid is None else bid, close + 4)
    line = (
        f"01{day:%Y%m%d}{bdi}{ticker:<12}{market}{name:<12}{spec:<10}{term:>3}R$  "
        + "".join(f"{price:013d}" for price in prices)
        + f"{trades:05d}{qty:018d}{volume:018d}{strike:013d}0{expiry}{factor:07d}{0:013d}{isin:<12}123"
    )
    assert len(line) == 245, len(line)
    return line.encode("latin-1")


def text(day: date, *records: bytes, count: int | None = None, newline: bytes = b"\r\n") -> bytes:
    """A whole file; `count` overrides the number of records that its trailer gives."""
    header = f"00COTAHIST.{day:%Y}BOVESPA {day:%Y%m%d}".ljust(245).encode()
    total = len(records) + 2 if count is None else count
    trailer = f"99COTAHIST.{day:%Y}BOVESPA {day:%Y%m%d}{total:011d}".ljust(245).encode()
    return b"".join(line + newline for line in (header, *records, trailer))


def archive(day: date, *records: bytes, count: int | None = None) -> bytes:
    """The ZIP of a whole file, as B3 publishes it."""
    return zipped(text(day, *records, count=count), day)


def zipped(content: bytes, day: date) -> bytes:
    """A ZIP that holds `content` as the file of `day`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr(f"COTAHIST_D{day:%d%m%Y}.TXT", content)
    return buffer.getvalue()
