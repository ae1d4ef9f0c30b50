-- What results cost by their own estimate, which stands in their metadata under the key $2: failed ones have it too.
SELECT coalesce(sum((metadata ->> $2::text)::numeric), 0) AS spent
FROM scraper_results
WHERE executed_at >= $1 AND jsonb_typeof(metadata -> $2::text) = 'number'
