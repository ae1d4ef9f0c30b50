INSERT INTO audit_log (at, who, what, before, after, detail) VALUES ($1, $2, $3, $4, $5, $6)
