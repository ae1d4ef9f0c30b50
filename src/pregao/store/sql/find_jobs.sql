-- What events and results say of jobs whose request is already recorded.
SELECT job_id, scraper_name, ticker
FROM jobs
WHERE job_id = ANY ($1::uuid[])
