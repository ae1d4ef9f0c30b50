SELECT job_id
FROM jobs
WHERE status = 'retry'
ORDER BY created_at DESC, job_id DESC
LIMIT $1
