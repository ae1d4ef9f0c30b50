-- Runs by hand are recorded beside the occurrences, with an outcome of their own. Several of them may be asked for at one
-- instant, which may be that of an occurrence too: a run has its own id, and an occurrence has none.
ALTER TABLE schedule_executions
    DROP CONSTRAINT schedule_executions_pkey,
    DROP CONSTRAINT schedule_executions_outcome_is_known,
    ADD COLUMN id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ADD COLUMN run_id       uuid,
    ADD COLUMN requested_by text,
    ADD CONSTRAINT schedule_executions_outcome_is_known
        CHECK (outcome IN ('fired', 'late', 'coalesced', 'skipped', 'missed', 'manual')),
    ADD CONSTRAINT schedule_executions_by_hand_have_a_run
        CHECK ((outcome = 'manual') = (run_id IS NOT NULL)),
    ADD CONSTRAINT schedule_executions_of_a_rule_were_asked_for_by_nobody
        CHECK (run_id IS NOT NULL OR requested_by IS NULL);

CREATE UNIQUE INDEX schedule_executions_once ON schedule_executions
    (schedule_name, fire_time, coalesce(run_id, '00000000-0000-0000-0000-000000000000'));
