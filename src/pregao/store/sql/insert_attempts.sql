INSERT INTO job_attempts (
    job_id, token, attempt, worker, outcome, error, error_class, response_time, source, metadata, started_at, ended_at,
    fingerprint, ignored, logs, peak_memory_mb, cpu_seconds, exit_signal
)
SELECT
    job_id, token, attempt, worker, outcome, error, error_class, response_time::numeric, source, metadata::jsonb,
    started_at, ended_at, fingerprint, ignored, logs, peak_memory_mb, cpu_seconds, exit_signal
FROM unnest(
    $1::uuid[], $2::text[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[], $8::double precision[],
    $9::text[], $10::text[], $11::timestamptz[], $12::timestamptz[], $13::text[], $14::boolean[], $15::text[],
    $16::double precision[], $17::double precision[], $18::text[]
) AS fact (
    job_id, token, attempt, worker, outcome, error, error_class, response_time, source, metadata, started_at, ended_at,
    fingerprint, ignored, logs, peak_memory_mb, cpu_seconds, exit_signal
)
ON CONFLICT (job_id, token) DO NOTHING
