#!lua
-- (new) → pending, for one run of a schedule by hand: at once, and without moving the schedule's mark.
-- The jobs and the fact for schedule_executions are written together; a run too large for one call leaves its plan in
-- place of the fact, as `fire` does.
-- Safe to repeat: for 24 hours a run that is known answers EXISTS with its firing, and makes nothing.
-- ARGV[3] identity of the run, ARGV[4] the firing as JSON, ARGV[5] its plan as JSON ('' = these are all jobs),
-- ARGV[6…] per job: id, priority, scraper, label, max_retries, unique, body
-- Reply: code (BEGUN | EXISTS), the firing as JSON
local problem = check_jobs(6)
if problem then return redis.error_reply(problem) end
local identity, firing = ARGV[3], ARGV[4]
local RUN = prefix .. 'run:' .. identity
local known = redis.call('GET', RUN)
if known then return {'EXISTS', known} end
begin_firing(identity, firing, ARGV[5], 6)
redis.call('SET', RUN, firing, 'EX', RETENTION_SECONDS)
finish_call()
return {'BEGUN', firing}
