SELECT key, value FROM scraper_overrides WHERE scraper = $1
