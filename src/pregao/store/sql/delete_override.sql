DELETE FROM scraper_overrides WHERE scraper = $1 AND key = $2
