-- The newest result of a scraper for one argument that is younger than $3 and passed its checks.
SELECT data, executed_at
FROM scraper_results
WHERE left(scraper_name, 100) = left($1::text, 100)
  AND scraper_name = $1
  AND left(coalesce(ticker, ''), 100) = left(coalesce($2::text, ''), 100)
  AND coalesce(ticker, '') = coalesce($2, '')
  AND success
  AND NOT metadata ? 'suspect'
  AND executed_at >= $3
ORDER BY executed_at DESC
LIMIT 1
