-- The newest good result of each scraper for one of some arguments. Jobs have the index by ticker; results that cost
-- something ($5 names the key of their metadata) are left out, and so is data that is larger than $4 bytes.
SELECT
    newest.scraper, newest.executed_at,
    CASE WHEN octet_length(scraper_results.data::text) <= $4 THEN scraper_results.data END AS data
FROM (
    SELECT DISTINCT ON (coalesce(results.source, results.scraper_name))
        results.job_id, results.scraper_name AS scraper, results.executed_at
    FROM jobs
    JOIN scraper_results AS results USING (job_id)
    WHERE left(jobs.ticker, 100) = ANY ($1::text[])
      AND jobs.ticker = ANY ($1)
      AND jobs.status = 'completed'
      AND jobs.created_at >= $2
      AND results.success
      AND NOT results.metadata ? $5
    ORDER BY coalesce(results.source, results.scraper_name), results.executed_at DESC
) AS newest
JOIN scraper_results USING (job_id)
ORDER BY newest.executed_at DESC, newest.scraper
LIMIT $3
