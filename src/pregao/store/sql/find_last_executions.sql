-- The newest firing of each of some schedules: one step in the index for each. Ids of jobs only when they are asked for.
SELECT newest.*
FROM unnest($1::text[]) AS wanted (schedule_name)
CROSS JOIN LATERAL (
    SELECT
        schedule_name, fire_time, scraper_name, outcome, detail, executed_at, run_id, requested_by,
        jsonb_array_length(job_ids) AS jobs, CASE WHEN $2::boolean THEN job_ids END AS job_ids
    FROM schedule_executions
    WHERE schedule_executions.schedule_name = wanted.schedule_name
    ORDER BY fire_time DESC
    LIMIT 1
) AS newest
