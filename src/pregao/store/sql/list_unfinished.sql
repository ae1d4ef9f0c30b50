-- The next page of jobs to restore, oldest first, so that their order in the queue survives.
SELECT
    job_id, scraper_name, ticker, priority, status, max_retries, timeout_seconds, metadata, schedule_name, fire_time,
    unique_key, retried_from, created_at, version, attempt, retry_count, lost_count, due_at, error
FROM jobs
WHERE status IN ('pending', 'running', 'retry')
  AND (created_at, job_id) > ($1::timestamptz, $2::uuid)
ORDER BY created_at, job_id
LIMIT $3
