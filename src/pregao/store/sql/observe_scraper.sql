-- How long the good results of a scraper took, whatever their argument.
SELECT count(*) AS results, percentile_cont(0.95) WITHIN GROUP (ORDER BY response_time::float8) AS p95_seconds
FROM scraper_results
WHERE left(scraper_name, 100) = left($1::text, 100)
  AND scraper_name = $1
  AND success
  AND executed_at >= $2
  AND response_time IS NOT NULL
