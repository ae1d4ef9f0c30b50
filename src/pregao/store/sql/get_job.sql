SELECT
    jobs.*, scraper_results.data AS result, scraper_results.response_time, scraper_results.source,
    scraper_results.metadata AS result_metadata, false AS result_omitted
FROM jobs
LEFT JOIN scraper_results USING (job_id)
WHERE job_id = $1
