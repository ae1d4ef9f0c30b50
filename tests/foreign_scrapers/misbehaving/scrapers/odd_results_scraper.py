"""Returns what its argument names."""

import math
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal

from base_scraper import PlainScraper, ScraperResult


class OddResultsScraper(PlainScraper):
    name = "OddResults"

    async def scrape(self, what: str):
        match what:
            case "nan":
                return self.found({"p_l": math.nan, "roe": [math.inf, 1.5]}, growth=math.nan)
            case "types":
                return self.found(
                    {"at": datetime(2026, 1, 2, 3, 4), "day": date(2026, 1, 2), "price": Decimal("12.34")}
                )
            case "shapeless":
                return object()
            case "nothing":
                return None
            case "dict":
                return asdict(self.found({"p_l": 5.1}, page=2))
            case "failed dict":
                return {"success": False, "data": None, "error": "no such paper"}
            case "no JSON":
                return self.found({"value": object()})
            case size:
                return ScraperResult(success=True, data={"value": "x" * int(float(size) * 1024 * 1024)})
