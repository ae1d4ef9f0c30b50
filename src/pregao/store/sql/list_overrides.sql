SELECT scraper, name, key, value, changed_by, changed_at FROM scraper_overrides ORDER BY scraper, key
