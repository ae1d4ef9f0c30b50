"""COTAHIST, B3's official end-of-day file: its fixed-width records, and an index over the file of one session.

Layout (1-based columns, Latin-1, 245 columns a record): `SeriesHistoricas_Layout` by B3.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from datetime import date
from typing import Literal

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.failures import is_html

RECORD_COLUMNS = 245
MAX_TEXT_BYTES = 64 * 1024 * 1024

_CALLS, _PUTS = frozenset({"012", "070"}), frozenset({"013", "080"})
_SERIES = frozenset({b"070", b"080"})
MARKETS = {
    "010": "cash",
    "012": "call exercise",
    "013": "put exercise",
    "017": "auction",
    "020": "odd lot",
    "030": "forward",
    "050": "future, gain retained",
    "060": "future, continuous",
    "070": "call",
    "080": "put",
}
_NEVER_EXPIRES = "99991231"


@dataclass(frozen=True, slots=True)
class CotahistRow:
    """One instrument in one session. Prices are BRL for one share or contract; None where B3 writes zero.

    Source fields: PREABE, PREMAX, PREMIN, PREMED, PREULT, PREOFC, PREOFV (divided by FATCOT), TOTNEG, QUATOT, VOLTOT.
    """

    day: date
    ticker: str
    bdi: str
    tpmerc: str
    name: str
    spec: str
    term_days: int | None
    open: float | None
    high: float | None
    low: float | None
    avg: float | None
    close: float | None
    bid: float | None
    ask: float | None
    trades: int
    qty: int
    volume_brl: float
    strike: float | None
    expiry: date | None
    isin: str

    @property
    def market(self) -> str:
        """The market (TPMERC) in words."""
        return MARKETS.get(self.tpmerc, self.tpmerc)

    @property
    def option_type(self) -> Literal["call", "put"] | None:
        """Whether it is a call or a put; None for what is no option."""
        if self.tpmerc in _CALLS:
            return "call"
        return "put" if self.tpmerc in _PUTS else None


class CotahistDay:
    """The file of one session: its text, and where the records of each ticker and of each option chain begin.

    Records are read when asked for.
    """

    def __init__(self, text: bytes, stride: int) -> None:
        """Index `text`, whose records are `stride` bytes apart. Raises ScrapeError VALIDATION."""
        self._text = text
        self._first: dict[bytes, int] = {}
        self._more: dict[bytes, list[int]] = {}
        self._chains: dict[bytes, list[int]] = {}
        self.records = len(text) // stride
        self._index(stride)
        self.day = _date(text[stride + 2 : stride + 10], "the session")

    def __len__(self) -> int:
        """How many different tickers traded."""
        return len(self._first)

    def tickers(self) -> list[str]:
        """The tickers that traded, in the order of the file."""
        return [code.decode("latin-1").rstrip() for code in self._first]

    def rows(self, ticker: str) -> tuple[CotahistRow, ...]:
        """Every record of `ticker`: none if it did not trade, several for forwards, which differ by term.

        Raises ScrapeError VALIDATION for a record that does not follow the layout, or is of another day than the file.
        """
        code = ticker.encode("latin-1", "replace").ljust(12)
        first = self._first.get(code)
        if first is None:
            return ()
        offsets = [first, *self._more.get(code, ())]
        return tuple(self._record(offset) for offset in offsets)

    def chain(self, isin: str) -> tuple[CotahistRow, ...]:
        """The calls and puts on the paper with this ISIN that traded: options carry the code of what they are on.

        Raises ScrapeError VALIDATION as `rows` does.
        """
        offsets = self._chains.get(isin.encode("latin-1", "replace").ljust(12), ())
        return tuple(self._record(offset) for offset in offsets)

    def chains_of(self, root: str) -> list[str]:
        """The ISINs of the papers that have options whose tickers begin with `root`, the four letters of the issuer."""
        code = root.encode("latin-1", "replace")
        return [
            isin.decode("latin-1").rstrip()
            for isin, offsets in self._chains.items()
            if any(self._text[offset + 12 : offset + 16] == code for offset in offsets)
        ]

    def _record(self, offset: int) -> CotahistRow:
        row = parse_record(self._text[offset : offset + RECORD_COLUMNS])
        if row.day != self.day:
            raise _invalid(f"it is of {self.day}, and its record of {row.ticker} is of {row.day}")
        return row

    def _index(self, stride: int) -> None:
        text, first, chains = self._text, self._first, self._chains
        for offset in range(stride, (self.records - 1) * stride, stride):
            if text[offset : offset + 2] != b"01":
                raise _invalid(f"record {offset // stride + 1} is not a quotation")
            code = text[offset + 12 : offset + 24]
            if code in first:
                self._more.setdefault(code, []).append(offset)
            else:
                first[code] = offset
            if text[offset + 24 : offset + 27] in _SERIES:
                chains.setdefault(text[offset + 230 : offset + 242], []).append(offset)


def read_archive(zipped: bytes) -> CotahistDay:
    """Unpack the daily ZIP and index it.

    Raises ScrapeError: BLOCKED for a page in place of the file; VALIDATION, which may be tried again, for a file that
    is incomplete.
    """
    if is_html(zipped):
        raise ScrapeError("B3 answered with a page in place of the COTAHIST file", FailureClass.BLOCKED)
    try:
        with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
            members = [member for member in archive.infolist() if not member.filename.endswith("/")]
            if len(members) != 1:
                raise _invalid(f"the archive holds {len(members)} files, not one")
            if members[0].file_size > MAX_TEXT_BYTES:
                raise _invalid(f"the archive expands to {members[0].file_size} bytes")
            with archive.open(members[0]) as member:
                text = member.read(MAX_TEXT_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        raise _invalid(f"the archive does not unpack: {error}") from error
    return parse_cotahist(text)


def parse_cotahist(text: bytes) -> CotahistDay:
    """Check the file of one session against its own header and trailer, and index it. Raises ScrapeError VALIDATION."""
    stride = text.find(b"\n") + 1
    if not text.startswith(b"00COTAHIST") or not RECORD_COLUMNS < stride <= RECORD_COLUMNS + 2:
        raise _invalid("it does not begin with a header of 245 columns")
    if not text.endswith(b"\n"):
        text += text[RECORD_COLUMNS:stride]
    records, rest = divmod(len(text), stride)
    trailer = text[-stride:][:RECORD_COLUMNS]
    if rest or not trailer.startswith(b"99COTAHIST"):
        raise _invalid("it does not end with a trailer")
    if records < 3:
        raise _invalid("it holds no quotations")
    # The trailer counts itself and the header.
    expected = _integer(trailer[31:42], "the trailer's count")
    if expected != records:
        raise _invalid(f"its trailer counts {expected} records, and {records} are there")
    return CotahistDay(text, stride)


def parse_record(record: bytes) -> CotahistRow:
    """Read one record of type 01. Raises ScrapeError VALIDATION naming the field that does not follow the layout."""
    if len(record) != RECORD_COLUMNS or record[:2] != b"01":
        raise _invalid(f"a quotation has 245 columns and begins with 01, not {record[:16]!r}")
    line = record.decode("latin-1")
    term, expiry = line[49:52].strip(), line[202:210]
    factor = _integer(record[210:217], "FATCOT") or 1

    def price(field: str, column: int) -> float | None:
        return _price(record[column - 1 : column + 12], field, factor)

    return CotahistRow(
        day=_date(record[2:10], "the date of a quotation"),
        ticker=line[12:24].rstrip(),
        bdi=line[10:12],
        tpmerc=line[24:27],
        name=line[27:39].rstrip(),
        spec=line[39:49].rstrip(),
        term_days=_integer(term.encode("latin-1"), "PRAZOT") if term else None,
        open=price("PREABE", 57),
        high=price("PREMAX", 70),
        low=price("PREMIN", 83),
        avg=price("PREMED", 96),
        close=price("PREULT", 109),
        bid=price("PREOFC", 122),
        ask=price("PREOFV", 135),
        trades=_integer(record[147:152], "TOTNEG"),
        qty=_integer(record[152:170], "QUATOT"),
        volume_brl=_integer(record[170:188], "VOLTOT") / 100,
        strike=_price(record[188:201], "PREEXE", 1),
        expiry=None if expiry == _NEVER_EXPIRES or not expiry.strip("0 ") else _date(record[202:210], "DATVEN"),
        isin=line[230:242].rstrip(),
    )


def _price(digits: bytes, field: str, factor: int) -> float | None:
    cents = _integer(digits, field)
    # One division, so that the result is the float nearest to the decimal number.
    return cents / (100 * factor) if cents else None


def _integer(digits: bytes, field: str) -> int:
    if not digits.isdigit():
        raise _invalid(f"{field} is {digits!r}, not a number")
    return int(digits)


def _date(digits: bytes, field: str) -> date:
    try:
        number = _integer(digits, field)
        return date(number // 10_000, number // 100 % 100, number % 100)
    except ValueError as error:
        raise _invalid(f"{field} is {digits!r}: {error}") from error


def _invalid(problem: str) -> ScrapeError:
    # B3 publishes in the evening, and a file that is being written looks like this: another try may find it whole.
    return ScrapeError(f"the COTAHIST file is not usable: {problem}", FailureClass.VALIDATION, retryable=True)
