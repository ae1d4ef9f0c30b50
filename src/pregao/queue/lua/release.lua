#!lua flags=allow-oom
-- running → pending (to the front) | retry (for later) | cancelled. Give attempts back: no retry is spent.
-- Safe to repeat: the same token answers DUP. An old token answers STALE and writes nothing.
-- ARGV[3…] per attempt: id, token, delay in ms (0 = at once), report as JSON
-- Reply: flat list of code (OK | DUP | STALE), state
if (#ARGV - 2) % 4 ~= 0 then return redis.error_reply('EARGS attempts take 4 fields each') end
for at = 3, #ARGV, 4 do
  if not tonumber(ARGV[at + 2]) then return redis.error_reply('EDELAY ' .. ARGV[at + 2]) end
end

local function release(job, delay_ms, report)
  leave_running(job, 'released')
  if job.cancel then
    finish(job, 'cancelled')
  elseif delay_ms > 0 then
    make_delayed(job, now_ms + delay_ms)
  else
    make_ready(job, true)
  end
  write_head(job)
  fact(job, ended_attempt(job, job.cancel and 'cancelled' or 'released', report))
  if job.state == 'cancelled' then start_retention(job) end
end

local replies = {}
for at = 3, #ARGV, 4 do
  local token = ARGV[at + 1]
  local job = load(ARGV[at])
  local code = 'STALE'
  if job and job.state == 'running' and job.token == token then
    release(job, tonumber(ARGV[at + 2]), ARGV[at + 3])
    code = 'OK'
  elseif job and job.last == token .. ' released' then
    code = 'DUP'
  end
  replies[#replies + 1] = code
  replies[#replies + 1] = job and job.state or ''
end
finish_call()
return replies
