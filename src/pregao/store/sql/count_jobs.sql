SELECT count(*)
FROM jobs
WHERE ($1::text IS NULL OR status = $1)
  AND ($2::text IS NULL OR (left(scraper_name, 100) = left($2, 100) AND scraper_name = $2))
  AND ($3::text IS NULL OR (left(ticker, 100) = left($3, 100) AND ticker = $3))
