INSERT INTO audit_log (at, who, what, before, after, generation, version)
SELECT at, who, what, before::jsonb, after::jsonb, generation, version
FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[])
    AS change (at, who, what, before, after, generation, version)
ON CONFLICT (generation, version) DO NOTHING
