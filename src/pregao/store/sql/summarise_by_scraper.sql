-- By the name as each job was given it; several may mean one scraper, so that means are left to be taken.
SELECT
    scraper_name,
    count(*) AS total_jobs,
    count(*) FILTER (WHERE success) AS successful_jobs,
    count(*) FILTER (WHERE NOT success AND NOT ignored) AS failed_jobs,
    count(*) FILTER (WHERE NOT success AND ignored) AS ignored_jobs,
    count(response_time) AS measured_jobs,
    sum(response_time) AS response_time,
    max(executed_at) AS last_execution
FROM scraper_results
WHERE executed_at >= $1
GROUP BY scraper_name
ORDER BY total_jobs DESC, scraper_name
