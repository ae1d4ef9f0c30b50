SELECT count(*)
FROM jobs
WHERE ($1::text IS NULL OR status = $1)
  AND ($2::text[] IS NULL OR (
    left(scraper_name, 100) = ANY (ARRAY(SELECT left(name, 100) FROM unnest($2) AS name)) AND scraper_name = ANY ($2)
  ))
  AND ($3::text IS NULL OR (left(ticker, 100) = left($3, 100) AND ticker = $3))
  AND job_id NOT IN (SELECT unnest($4::uuid[]))
