INSERT INTO scraper_overrides (scraper, name, key, value, changed_by, changed_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (scraper, key) DO UPDATE
SET name = excluded.name, value = excluded.value, changed_by = excluded.changed_by, changed_at = excluded.changed_at
