-- Jobs whose request is in this batch, in the state that the batch leaves them in. Known ones are left to update_jobs.
INSERT INTO jobs (
    job_id, scraper_name, ticker, priority, status, max_retries, timeout_seconds, metadata, schedule_name, fire_time,
    unique_key, retried_from, created_at, generation, version, attempt, retry_count, lost_count, due_at, started_at,
    completed_at, error, error_class, updated_at
)
SELECT
    job_id, scraper_name, ticker, priority, status, max_retries, timeout_seconds, metadata::jsonb, schedule_name,
    fire_time, unique_key, retried_from, created_at, generation, version, attempt, retry_count, lost_count, due_at,
    started_at, completed_at, error, error_class, updated_at
FROM unnest(
    $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::integer[], $7::double precision[], $8::text[],
    $9::text[], $10::timestamptz[], $11::text[], $12::uuid[], $13::timestamptz[], $14::bigint[], $15::bigint[],
    $16::integer[], $17::integer[], $18::integer[], $19::timestamptz[], $20::timestamptz[], $21::timestamptz[],
    $22::text[], $23::text[], $24::timestamptz[]
) AS fact (
    job_id, scraper_name, ticker, priority, status, max_retries, timeout_seconds, metadata, schedule_name, fire_time,
    unique_key, retried_from, created_at, generation, version, attempt, retry_count, lost_count, due_at, started_at,
    completed_at, error, error_class, updated_at
)
ON CONFLICT (job_id) DO NOTHING
