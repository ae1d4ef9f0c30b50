#!lua flags=allow-oom
-- running → pending (to the front) | retry (for later) | cancelled. Give attempts back: no retry is spent.
-- Safe to repeat: the same token answers DUP. An old token answers STALE and writes nothing.
-- A source that asked to be left alone (429, Retry-After) is: no job of its hosts starts until then, from any worker, and
-- afterwards their starts keep a distance that doubles with each complaint and shrinks again without one. Refusals of what
-- was under way when it complained are no further complaints.
-- ARGV[3…] per attempt: id, token, delay in ms (0 = at once), report as JSON, ms to leave its hosts alone ('' = not asked)
-- Reply: flat list of code (OK | DUP | STALE), state
if (#ARGV - 2) % 5 ~= 0 then return redis.error_reply('EARGS attempts take 5 fields each') end
for at = 3, #ARGV, 5 do
  if not tonumber(ARGV[at + 2]) then return redis.error_reply('EDELAY ' .. ARGV[at + 2]) end
end

local function leave_alone(kind, name, hold_ms, started_ms)
  local id = kind .. ':' .. name
  local level, since = string.match(redis.call('HGET', SLOW, id) or '0 0', '^(%d+) (%d+)$')
  if started_ms >= tonumber(since) then level = math.min(SLOWEST, level + 1) end
  local until_ms = math.max(now_ms + hold_ms, tonumber(redis.call('HGET', HOLDS, id) or '0'))
  redis.call('HSET', HOLDS, id, until_ms)
  -- Its minutes without a complaint begin when it may be asked again: a long hold must not use them up.
  redis.call('HSET', SLOW, id, text(level) .. ' ' .. text(until_ms))
end

local function release(job, delay_ms, report, hold_ms)
  if hold_ms then
    for host in string.gmatch(job.hosts, '[^,]+') do leave_alone('host', host, hold_ms, job.started) end
    if job.hosts == '' then leave_alone('scraper', job.scraper, hold_ms, job.started) end
  end
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
for at = 3, #ARGV, 5 do
  local token = ARGV[at + 1]
  local job = load(ARGV[at])
  local code = 'STALE'
  if job and job.state == 'running' and job.token == token then
    release(job, tonumber(ARGV[at + 2]), ARGV[at + 3], tonumber(ARGV[at + 4]))
    code = 'OK'
  elseif job and job.last == token .. ' released' then
    code = 'DUP'
  end
  replies[#replies + 1] = code
  replies[#replies + 1] = job and job.state or ''
end
finish_call()
return replies
