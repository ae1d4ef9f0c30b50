-- Equal failures of a period, the most frequent first: when they were first seen at all, and the newest as an example.
WITH grouped AS (
    SELECT fingerprint, count(*) AS attempts, count(DISTINCT job_id) AS jobs, max(ended_at) AS last_seen
    FROM job_attempts
    WHERE fingerprint IS NOT NULL AND ended_at >= $1
    GROUP BY fingerprint
)
SELECT
    grouped.fingerprint, grouped.attempts, grouped.jobs, first.seen AS first_seen, grouped.last_seen,
    example.scraper_name, example.error_class, example.outcome, example.ignored, example.error, example.job_id,
    example.ticker
FROM grouped
CROSS JOIN LATERAL (
    SELECT min(ended_at) AS seen FROM job_attempts WHERE fingerprint = grouped.fingerprint
) AS first
CROSS JOIN LATERAL (
    SELECT jobs.scraper_name, jobs.ticker, newest.error_class, newest.outcome, newest.ignored, newest.error, job_id
    FROM job_attempts AS newest
    JOIN jobs USING (job_id)
    WHERE newest.fingerprint = grouped.fingerprint AND newest.ended_at = grouped.last_seen
    ORDER BY job_id
    LIMIT 1
) AS example
WHERE ($2::text[] IS NULL OR example.scraper_name = ANY ($2))
  AND ($3::text IS NULL OR example.error_class = $3)
ORDER BY grouped.attempts DESC, grouped.last_seen DESC, grouped.fingerprint
LIMIT $4
