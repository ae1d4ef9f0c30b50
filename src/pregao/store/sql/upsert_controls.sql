-- An empty value is kept too: it says that the rule was taken away, against an older fact that comes late.
INSERT INTO controls (name, value, generation, version, changed_at)
SELECT name, value, generation, version, changed_at
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::timestamptz[])
    AS change (name, value, generation, version, changed_at)
ON CONFLICT (name) DO UPDATE
SET value = excluded.value, generation = excluded.generation, version = excluded.version,
    changed_at = excluded.changed_at
WHERE (controls.generation, controls.version) < (excluded.generation, excluded.version)
