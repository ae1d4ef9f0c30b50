"""The platform's settings."""

from __future__ import annotations

import os


class Settings:
    headless = os.environ.get("CHROME_HEADLESS", "true").lower() == "true"
    chromium = os.environ.get("CHROMIUM", "chromium")


settings = Settings()
