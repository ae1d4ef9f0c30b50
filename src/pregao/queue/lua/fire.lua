#!lua
-- (new) → pending, for one occurrence of a schedule: each occurrence once, whoever asks and however often.
-- The jobs, the fact for schedule_executions and the schedule's mark are written together. An occurrence too large
-- for one call comes in chunks; only the last one carries the fact and moves the mark, ids make the others repeatable.
-- ARGV[3] schedule, ARGV[4] nominal fire time in ms, ARGV[5] the firing as JSON ('' = more chunks follow),
-- ARGV[6…] per job: id, priority, scraper, label, max_retries, unique, body
-- Reply: FIRED | ALREADY (at or before the last one fired) | EARLY (in the future)
local problem = check_jobs(6)
if problem then return redis.error_reply(problem) end
local schedule, fire_ms, firing = ARGV[3], tonumber(ARGV[4]), ARGV[5]
local FIRED = prefix .. 'fired'
if fire_ms > now_ms then return 'EARLY' end
if fire_ms <= tonumber(redis.call('HGET', FIRED, schedule) or '-1') then return 'ALREADY' end
create_all(6)
if firing ~= '' then
  redis.call('HSET', FIRED, schedule, fire_ms)
  add_fact({'firing', firing, 'at', generation .. ' ' .. text(now_ms)})
end
finish_call()
return 'FIRED'
