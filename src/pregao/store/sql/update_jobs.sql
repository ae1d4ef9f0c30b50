-- Only a newer fact changes a row, so that a batch may be repeated. What a fact does not know stays as it is.
UPDATE jobs
SET status       = fact.status,
    priority     = fact.priority,
    generation   = fact.generation,
    version      = fact.version,
    attempt      = fact.attempt,
    retry_count  = fact.retry_count,
    lost_count   = fact.lost_count,
    due_at       = fact.due_at,
    started_at   = coalesce(fact.started_at, jobs.started_at),
    completed_at = fact.completed_at,
    error        = CASE WHEN fact.tells_error THEN fact.error ELSE jobs.error END,
    error_class  = CASE WHEN fact.tells_error THEN fact.error_class ELSE jobs.error_class END,
    updated_at   = fact.updated_at
FROM unnest(
    $1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::integer[], $7::integer[], $8::integer[],
    $9::timestamptz[], $10::timestamptz[], $11::timestamptz[], $12::boolean[], $13::text[], $14::text[],
    $15::timestamptz[]
) AS fact (
    job_id, status, priority, generation, version, attempt, retry_count, lost_count, due_at, started_at, completed_at,
    tells_error, error, error_class, updated_at
)
WHERE jobs.job_id = fact.job_id
  AND (jobs.generation, jobs.version) < (fact.generation, fact.version)
