-- An occurrence is handled once, and so is a run by hand; the first record of it stands.
INSERT INTO schedule_executions (
    schedule_name, fire_time, scraper_name, tickers, job_ids, outcome, detail, executed_at, run_id, requested_by
)
SELECT
    schedule_name, fire_time, scraper_name, tickers::jsonb, job_ids::jsonb, outcome, detail, executed_at, run_id,
    requested_by
FROM unnest(
    $1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[],
    $9::uuid[], $10::text[]
) AS fact (
    schedule_name, fire_time, scraper_name, tickers, job_ids, outcome, detail, executed_at, run_id, requested_by
)
ON CONFLICT DO NOTHING
