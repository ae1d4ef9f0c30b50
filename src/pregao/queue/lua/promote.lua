#!lua flags=allow-oom
-- retry → pending. Jobs whose retry is due go to the back of their queue.
-- ARGV[3] how many at most, ARGV[4] an id to make due now, or '' for those that are due
-- Reply: for an id, the state it had ('' = unknown); else how many were promoted
local function promote(job)
  redis.call('ZREM', DELAYED, job.id)
  make_ready(job, false)
  save(job)
  write_head(job)
end

if ARGV[4] ~= '' then
  local job = load(ARGV[4])
  if not job then return '' end
  local before = job.state
  if before == 'retry' then promote(job) end
  return before
end

local due = redis.call('ZRANGE', DELAYED, '-inf', text(now_ms), 'BYSCORE', 'LIMIT', 0, tonumber(ARGV[3]))
local promoted = 0
for _, id in ipairs(due) do
  local job = load(id)
  if job and job.state == 'retry' then
    promote(job)
    promoted = promoted + 1
  else
    redis.call('ZREM', DELAYED, id)
  end
end
return promoted
