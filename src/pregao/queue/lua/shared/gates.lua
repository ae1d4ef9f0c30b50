-- What holds jobs back, one field each in `control`:
-- pause:priority:{name}, pause:scraper:{name}  'until_ms|who and why as JSON', 0 = until somebody resumes it
-- cap:scraper:{name}                           how many jobs of the scraper may run at once
-- fair                                         of how many jobs one comes from a lower queue, if any waits there
local CONTROL = prefix .. 'control'
local control, parked
local rooms = {}

local function setting(name)
  if not control then
    control = {}
    local all = redis.call('HGETALL', CONTROL)
    for at = 1, #all, 2 do control[all[at]] = all[at + 1] end
  end
  return control[name]
end

-- When a pause ends in ms, 0 for one without an end; nil when there is none.
local function pause_end(kind, name)
  local pause = setting('pause:' .. kind .. ':' .. name)
  local ends = pause and tonumber(string.match(pause, '^%d+'))
  if ends and (ends == 0 or ends > now_ms) then return ends end
end

-- How many more jobs of the scraper may start now.
local function room(scraper)
  local known = rooms[scraper]
  if known then return known end
  known = math.huge
  if pause_end('scraper', scraper) then
    known = 0
  else
    local cap = tonumber(setting('cap:scraper:' .. scraper))
    if cap then known = cap - tonumber(redis.call('HGET', INUSE, scraper) or '0') end
  end
  rooms[scraper] = known
  return known
end

local function parked_scrapers()
  if not parked then
    parked = redis.call('SMEMBERS', PARKED)
    table.sort(parked)
  end
  return parked
end

local function park(job)
  redis.call('LPUSH', parked_key(job.scraper, job.priority), job.id)
  if redis.call('SADD', PARKED, job.scraper) == 1 then parked = nil end
end

-- Whether a claim would find a job now.
local function work_waits()
  local open = {}
  for _, priority in ipairs(PRIORITIES) do
    if not pause_end('priority', priority) then open[#open + 1] = priority end
  end
  local keys = {}
  for _, priority in ipairs(open) do keys[#keys + 1] = ready_key(priority) end
  for _, scraper in ipairs(parked_scrapers()) do
    if room(scraper) > 0 then
      for _, priority in ipairs(open) do keys[#keys + 1] = parked_key(scraper, priority) end
    end
  end
  return #keys > 0 and redis.call('EXISTS', unpack(keys)) > 0
end

-- Change one field ('' takes it away), with the fact of who did it and what was there before.
local function change_control(name, value, who)
  local before = setting(name) or ''
  if value == '' then redis.call('HDEL', CONTROL, name) else redis.call('HSET', CONTROL, name, value) end
  control[name] = value ~= '' and value or nil
  rooms = {}
  local version = redis.call('HINCRBY', prefix .. 'changes', 'control', 1)
  add_fact({'control', name, 'before', before, 'after', value, 'who', who,
    'at', generation .. ' ' .. text(version) .. ' ' .. text(now_ms)})
  return before
end

-- Take away the pauses that are over; answers ms until the next one is, -1 when there is none with an end.
local function end_pauses()
  local over, next_ms = {}, -1
  setting('')
  for name, value in pairs(control) do
    local ends = string.sub(name, 1, 6) == 'pause:' and tonumber(string.match(value, '^%d+')) or 0
    if ends > 0 and ends <= now_ms then
      over[#over + 1] = name
    elseif ends > 0 and (next_ms < 0 or ends - now_ms < next_ms) then
      next_ms = ends - now_ms
    end
  end
  table.sort(over)
  for _, name in ipairs(over) do change_control(name, '', 'its time was over') end
  return next_ms
end
