-- The latest attempts that failed. They are looked for where an index leads, so that the answer comes as fast when
-- failures are rare among millions of attempts.
WITH candidates AS (
    SELECT job_id, token
    FROM (SELECT job_id, token, outcome FROM job_attempts ORDER BY ended_at DESC LIMIT 2000) AS newest
    WHERE outcome IN ('failed', 'lost')
    UNION
    SELECT job_id, token
    FROM (
        SELECT job_id FROM jobs WHERE status = 'failed' ORDER BY created_at DESC, job_id DESC LIMIT 50
    ) AS failed
    JOIN job_attempts USING (job_id)
    WHERE outcome IN ('failed', 'lost')
)
SELECT
    attempts.ended_at, attempts.attempt, attempts.error_class, attempts.error, attempts.worker,
    job_id, jobs.scraper_name, jobs.ticker, jobs.status
FROM candidates
JOIN job_attempts AS attempts USING (job_id, token)
JOIN jobs USING (job_id)
ORDER BY attempts.ended_at DESC, job_id
LIMIT $1
