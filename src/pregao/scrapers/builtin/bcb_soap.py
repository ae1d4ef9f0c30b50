"""The SOAP door of SGS: the same series as JSON, from another server; stands in while the JSON one fails."""

from __future__ import annotations

import math
import re
from datetime import date

from lxml import etree

from pregao.domain.errors import ScrapeError
from pregao.domain.failure import FailureClass
from pregao.scrapers.block_pages import refuse_block_page
from pregao.scrapers.builtin.bcb_sgs import Observation
from pregao.scrapers.json_answers import invalid

SOAP = "https://www3.bcb.gov.br"
SOAP_PATH = "/wssgs/services/FachadaWSSGS"
CONTENT_TYPE = "text/xml; charset=utf-8"
HEADERS = {"SOAPAction": '""'}

_WHAT = "BCB's SOAP answer"
_DATE = re.compile(r"(?:(?:(\d{1,2})/)?(\d{1,2})/)?(\d{4})", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,20}(\.\d{1,20})?", re.ASCII)
_ENVELOPE = """<?xml version="1.0" encoding="utf-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:soapenc="http://schemas.xmlsoap.org/soap/encoding/" xmlns:xsd="http://www.w3.org/2001/XMLSchema"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>
<ns:getValoresSeriesXML xmlns:ns="http://publico.ws.casosdeuso.sgs.pec.bcb.gov.br"
 soapenv:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/">
<in0 xsi:type="soapenc:Array" soapenc:arrayType="xsd:long[1]"><item xsi:type="xsd:long">{number}</item></in0>
<in1 xsi:type="xsd:string">{first:%d/%m/%Y}</in1><in2 xsi:type="xsd:string">{last:%d/%m/%Y}</in2>
</ns:getValoresSeriesXML></soapenv:Body></soapenv:Envelope>"""


def question(number: int, first: date, last: date) -> bytes:
    """The body that asks for the values of one series from `first` to `last`."""
    return _ENVELOPE.format(number=number, first=first, last=last).encode()


def parse_soap(body: bytes, number: int) -> tuple[Observation, ...]:
    """Read the values of series `number` (DATA, VALOR), sorted by date; empty for a window without any.

    A month is dated on its first day, as in JSON; values that are blocked or not there are left out. Raises
    ScrapeError: BLOCKED or NETWORK for a page or nothing, ERROR for a fault, VALIDATION for what is not the format.
    """
    refuse_block_page(body, "BCB")
    envelope = _xml(body)
    if _name(envelope) == "html":
        raise ScrapeError("BCB answered with a page in place of SOAP", FailureClass.BLOCKED)
    fault = next((_text(node) for node in envelope.iter() if _name(node) == "faultstring"), None)
    if fault is not None:
        # This door answers a window without values with HTTP 500 and a fault.
        if "not found" in fault.lower():
            return ()
        raise ScrapeError(f"BCB refuses series {number}: {fault[:200]}", FailureClass.ERROR)
    inner = next((_text(node) for node in envelope.iter() if _name(node) == "getValoresSeriesXMLReturn"), "")
    if not inner:
        raise invalid(_WHAT, "getValoresSeriesXMLReturn is missing")
    # The document inside is a text that declares an encoding of its own, which no longer holds.
    series = list(_xml(inner.encode("ascii", "xmlcharrefreplace")).iter("SERIE"))
    if len(series) != 1 or series[0].get("ID") != str(number):
        raise invalid(_WHAT, f"it is not of series {number} alone")
    found = {day: value for item in series[0].iter("ITEM") for day, value in [_item(item)] if value is not None}
    return tuple(Observation(day, found[day]) for day in sorted(found))


def _item(item: etree._Element) -> tuple[date, float | None]:
    fields = {_name(node): _text(node) for node in item}
    day = _day(fields.get("DATA", ""))
    value = fields.get("VALOR")
    if value is None:
        raise invalid(_WHAT, "an ITEM lacks VALOR")
    if not value or fields.get("BLOQUEADO", "").lower() == "true":
        return day, None
    amount = float(value) if _NUMBER.fullmatch(value) else math.nan
    if not math.isfinite(amount):
        raise invalid(_WHAT, f"VALOR is {value[:40]!r} for {day}, not a number")
    return day, amount


def _day(text: str) -> date:
    match = _DATE.fullmatch(text)
    try:
        if match is None:
            raise ValueError("not d/M/yyyy, M/yyyy or yyyy")
        return date(int(match[3]), int(match[2] or 1), int(match[1] or 1))
    except ValueError as error:
        raise invalid(_WHAT, f"DATA is {text[:40]!r}: {error}") from error


def _xml(text: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(text, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        if b"<html" in text[:1000].lower():
            raise ScrapeError("BCB answered with a page in place of SOAP", FailureClass.BLOCKED) from error
        raise invalid(_WHAT, f"it is not XML: {error}") from error


def _name(node: etree._Element) -> str:
    """The name without its namespace; empty for a comment or the like."""
    return etree.QName(node).localname if isinstance(node.tag, str) else ""


def _text(node: etree._Element) -> str:
    return (node.text or "").strip()
