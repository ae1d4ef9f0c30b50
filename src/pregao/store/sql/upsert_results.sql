-- At most one row for each job; only a newer fact replaces it.
INSERT INTO scraper_results (
    job_id, scraper_name, ticker, success, data, error, response_time, metadata, executed_at, generation, version,
    attempt, error_class, source, ignored
)
SELECT
    fact.job_id, jobs.scraper_name, jobs.ticker, fact.success, fact.data::jsonb, fact.error,
    fact.response_time::numeric, fact.metadata::jsonb, fact.executed_at, fact.generation, fact.version, fact.attempt,
    fact.error_class, fact.source, fact.ignored
FROM unnest(
    $1::uuid[], $2::boolean[], $3::text[], $4::text[], $5::double precision[], $6::text[], $7::timestamptz[],
    $8::bigint[], $9::bigint[], $10::integer[], $11::text[], $12::text[], $13::boolean[]
) AS fact (
    job_id, success, data, error, response_time, metadata, executed_at, generation, version, attempt, error_class,
    source, ignored
)
JOIN jobs USING (job_id)
ON CONFLICT (job_id) DO UPDATE
SET success       = excluded.success,
    data          = excluded.data,
    error         = excluded.error,
    response_time = excluded.response_time,
    metadata      = excluded.metadata,
    executed_at   = excluded.executed_at,
    generation    = excluded.generation,
    version       = excluded.version,
    attempt       = excluded.attempt,
    error_class   = excluded.error_class,
    source        = excluded.source,
    ignored       = excluded.ignored
WHERE (scraper_results.generation, scraper_results.version) < (excluded.generation, excluded.version)
