#!lua
-- (new) → pending, for one occurrence of a schedule: each occurrence once, whoever asks and however often.
-- The jobs, the schedule's mark and the fact for schedule_executions are written together. An occurrence too large for
-- one call leaves its plan in place of the fact: it is handled from now on, and whoever finds the plan finishes it.
-- ARGV[3] schedule, ARGV[4] nominal fire time in ms, ARGV[5] identity of the firing, ARGV[6] the firing as JSON,
-- ARGV[7] its plan as JSON ('' = these are all jobs),
-- ARGV[8…] per job: id, priority, scraper, label, max_retries, unique, body
-- Reply: FIRED | ALREADY (at or before the last one fired) | EARLY (in the future)
local problem = check_jobs(8)
if problem then return redis.error_reply(problem) end
local schedule, fire_ms = ARGV[3], tonumber(ARGV[4])
local FIRED = prefix .. 'fired'
if fire_ms > now_ms then return 'EARLY' end
if fire_ms <= tonumber(redis.call('HGET', FIRED, schedule) or '-1') then return 'ALREADY' end
begin_firing(ARGV[5], ARGV[6], ARGV[7], 8)
redis.call('HSET', FIRED, schedule, fire_ms)
finish_call()
return 'FIRED'
