"""What each scraper may take and how it is treated: from config/scrapers.yaml, changed while the system runs."""
