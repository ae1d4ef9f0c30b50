SELECT
    schedule_name, fire_time, scraper_name, tickers, job_ids, outcome, detail, executed_at, run_id, requested_by
FROM schedule_executions
ORDER BY executed_at DESC, fire_time DESC, schedule_name
LIMIT $1
