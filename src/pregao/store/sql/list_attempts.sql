SELECT
    attempt, worker, outcome, error, error_class, response_time, source, metadata, started_at, ended_at, token,
    fingerprint, ignored, logs, peak_memory_mb, cpu_seconds, exit_signal
FROM job_attempts
WHERE job_id = $1
ORDER BY attempt, started_at
