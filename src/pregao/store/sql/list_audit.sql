-- Who changed what, newest first: all of it, or what is about one scraper (folded), whatever kind of rule it is.
SELECT at, who, what, before, after, detail
FROM audit_log
WHERE ($2::text IS NULL OR (split_part(what, ':', 2) = 'scraper' AND split_part(what, ':', 3) = $2))
  AND ($3::timestamptz IS NULL OR at < $3)
ORDER BY at DESC, id DESC
LIMIT $1
