"""The layout of COTAHIST as B3's document gives it (SeriesHistoricas_Layout): name, first and last column, kind.

`N` is digits, `X` is text, `D` is a date of digits.
"""

from __future__ import annotations

QUOTATION = (
    ("TIPREG", 1, 2, "N"), ("DATA", 3, 10, "D"), ("CODBDI", 11, 12, "X"), ("CODNEG", 13, 24, "X"),
    ("TPMERC", 25, 27, "N"), ("NOMRES", 28, 39, "X"), ("ESPECI", 40, 49, "X"), ("PRAZOT", 50, 52, "X"),
    ("MODREF", 53, 56, "X"), ("PREABE", 57, 69, "N"), ("PREMAX", 70, 82, "N"), ("PREMIN", 83, 95, "N"),
    ("PREMED", 96, 108, "N"), ("PREULT", 109, 121, "N"), ("PREOFC", 122, 134, "N"), ("PREOFV", 135, 147, "N"),
    ("TOTNEG", 148, 152, "N"), ("QUATOT", 153, 170, "N"), ("VOLTOT", 171, 188, "N"), ("PREEXE", 189, 201, "N"),
    ("INDOPC", 202, 202, "N"), ("DATVEN", 203, 210, "D"), ("FATCOT", 211, 217, "N"), ("PTOEXE", 218, 230, "N"),
    ("CODISI", 231, 242, "X"), ("DISMES", 243, 245, "N"),
)  # fmt: skip
HEADER = (
    ("TIPREG", 1, 2, "N"), ("ARQUIVO", 3, 15, "X"), ("ORIGEM", 16, 23, "X"), ("GERACAO", 24, 31, "D"),
    ("RESERVA", 32, 245, "B"),
)  # fmt: skip
TRAILER = (
    ("TIPREG", 1, 2, "N"), ("ARQUIVO", 3, 15, "X"), ("ORIGEM", 16, 23, "X"), ("GERACAO", 24, 31, "D"),
    ("TOTAL", 32, 42, "N"), ("RESERVA", 43, 245, "B"),
)  # fmt: skip
_RECORDS = {b"00": HEADER, b"01": QUOTATION, b"99": TRAILER}


def misplaced(line: bytes) -> list[str]:
    """The fields of one record that do not hold what the layout says; all is well when there is none."""
    if len(line) != 245:
        return [f"a record of {len(line)} columns"]
    text = line.decode("latin-1")
    fields = [(name, text[first - 1 : last], kind) for name, first, last, kind in _RECORDS[line[:2]]]
    return [f"{name} is {value!r}" for name, value, kind in fields if not _fits(value, kind)]


def _fits(value: str, kind: str) -> bool:
    match kind:
        case "N":
            return value.isdigit()
        case "D":
            return value.isdigit() and "01" <= value[4:6] <= "12" and "01" <= value[6:] <= "31"
        case "B":
            return not value.strip()
        case _:
            return (value.isprintable() and value == value.strip().ljust(len(value))) or value[:1] == " "
