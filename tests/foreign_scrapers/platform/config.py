"""The platform's settings: the environment, then the file `.env` of the working directory."""

from __future__ import annotations

import os
from pathlib import Path


class Settings:
    def __init__(self) -> None:
        values = dict(os.environ)
        env_file = Path(".env")
        if env_file.exists():
            for line in env_file.read_text().splitlines():
                name, _, value = line.partition("=")
                values.setdefault(name.strip(), value.strip())
        self.headless = values.get("CHROME_HEADLESS", "true").lower() == "true"
        self.db_host = values.get("DB_HOST", "localhost")
        self.db_password = values.get("DB_PASSWORD", "")


settings = Settings()
