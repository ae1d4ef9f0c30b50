-- One page, newest first. A result over 16 KB (as stored) stays out of lists and is marked so.
SELECT
    page.*,
    CASE WHEN pg_column_size(scraper_results.data) <= 16384 THEN scraper_results.data END AS result,
    coalesce(pg_column_size(scraper_results.data) > 16384, false) AS result_omitted,
    scraper_results.response_time, scraper_results.source, scraper_results.metadata AS result_metadata
FROM (
    SELECT *
    FROM jobs
    WHERE ($1::text IS NULL OR status = $1)
      AND ($2::text[] IS NULL OR (
        left(scraper_name, 100) = ANY (ARRAY(SELECT left(name, 100) FROM unnest($2) AS name)) AND scraper_name = ANY ($2)
      ))
      AND ($3::text IS NULL OR (left(ticker, 100) = left($3, 100) AND ticker = $3))
      AND job_id NOT IN (SELECT unnest($4::uuid[]))
    ORDER BY created_at DESC, job_id DESC
    LIMIT $5 OFFSET $6
) AS page
LEFT JOIN scraper_results USING (job_id)
ORDER BY page.created_at DESC, page.job_id DESC
