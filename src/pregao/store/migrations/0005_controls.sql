-- What holds jobs back (pauses, caps, fairness), for the day on which Redis is lost; and who changed what, for ever.
CREATE TABLE controls (
    name        text PRIMARY KEY,
    value       text NOT NULL,
    generation  bigint NOT NULL,
    version     bigint NOT NULL,
    changed_at  timestamptz NOT NULL
);

-- Nothing has written to the first one, which knew no before and after.
DROP TABLE audit_log;

CREATE TABLE audit_log (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL,
    who         text NOT NULL,
    what        text NOT NULL,
    before      jsonb,
    after       jsonb,
    detail      text,
    -- Of a change that came through the outbox: it may be recorded twice, and is one entry.
    generation  bigint,
    version     bigint,
    CONSTRAINT audit_log_records_a_change_once UNIQUE (generation, version)
);

CREATE INDEX audit_log_by_time ON audit_log (at DESC, id DESC);
CREATE INDEX audit_log_by_subject ON audit_log (what, at DESC);
