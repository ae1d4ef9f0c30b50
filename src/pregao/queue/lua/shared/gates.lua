-- What holds jobs back. Rules are fields of the hash `control`, one each ({name} is a scraper or a host):
-- pause:priority:{name}, pause:scraper:{name}  'until_ms|who and why as JSON', 0 = until somebody resumes it
-- off:scraper:{name}                           switched off by configuration
-- login:scraper:{name}                         '0|why as JSON': its session has to be renewed first
-- open:scraper:{name}                          'until_ms|why as JSON': the breaker is open (0 = until somebody resets it);
--                                              one job at a time afterwards
-- cap:scraper:{name}, cap:host:{name}          how many jobs may run at once
-- rate:scraper:{name}, rate:host:{name}        'count/window_ms': how many may start in any such window
-- interval:scraper:{name}                      ms between two starts
-- hosts:scraper:{name}                         the hosts that it asks, with commas
-- weight:scraper:{name}                        how many slots one of its jobs takes
-- fair                                         of how many jobs one comes from a lower queue, if any waits there
local CONTROL, INUSE_HOST, HOLDS, SLOW = prefix .. 'control', prefix .. 'inuse_host', prefix .. 'holds', prefix .. 'slow'
local SLOWEST, SLOW_STEP_MS = 7, 250
local controls, parked, slowed = {}, nil, nil
local rooms, openings, weights, hosts_of_scraper, excluded, started = {}, {}, {}, {}, {}, {}

local function starts_key(kind, name) return prefix .. 'starts:' .. kind .. ':' .. name end

-- Several rules at once, each looked up once a call.
local function settings(names)
  local missing = {}
  for _, name in ipairs(names) do
    if controls[name] == nil then missing[#missing + 1] = name end
  end
  if #missing > 0 then
    for at, value in ipairs(redis.call('HMGET', CONTROL, unpack(missing))) do controls[missing[at]] = value end
  end
  return controls
end

-- When a pause ends in ms, 0 for one without an end; nil when there is none.
local function ends_at(rule)
  local ends = rule and tonumber(string.match(rule, '^%d+'))
  if ends and (ends == 0 or ends > now_ms) then return ends end
end

local function priority_is_paused(priority)
  return ends_at(settings({'pause:priority:high', 'pause:priority:normal', 'pause:priority:low',
    'fair'})['pause:priority:' .. priority]) ~= nil
end

-- The hosts that a scraper's jobs ask, by configuration.
local function hosts_of(scraper)
  local known = hosts_of_scraper[scraper]
  if not known then
    known = {}
    for host in string.gmatch(settings({'hosts:scraper:' .. scraper})['hosts:scraper:' .. scraper] or '', '[^,]+') do
      known[#known + 1] = host
    end
    hosts_of_scraper[scraper] = known
  end
  return known
end

-- How many more may start under a rate now, and when the next one may. The list holds the latest starts, newest first.
local function rate_room(rule, kind, name)
  local count, window_ms = string.match(rule, '^(%d+)/(%d+)$')
  if not count then return math.huge end
  -- A job's request reaches the source a little after its start, now sooner and now later: the window is that much longer.
  count, window_ms = tonumber(count), window_ms * 1.02 + 50
  local starts = redis.call('LRANGE', starts_key(kind, name), 0, count - 1)
  local recent = 0
  for _, start in ipairs(starts) do
    if tonumber(start) > now_ms - window_ms then recent = recent + 1 end
  end
  if recent < count then return count - recent end
  return 0, tonumber(starts[count] or starts[#starts] or now_ms) + window_ms
end

-- Room under a distance between starts: one, or none until it is over.
local function interval_room(interval_ms, kind, name)
  local last = tonumber(redis.call('LINDEX', starts_key(kind, name), 0) or '0')
  if last + interval_ms <= now_ms then return 1 end
  return 0, last + interval_ms
end

-- What a source asked for (Retry-After), and the distance between starts after it did.
local function asked_room(kind, name)
  local id = kind .. ':' .. name
  local held = tonumber(redis.call('HGET', HOLDS, id) or '0')
  if held > now_ms then return 0, held end
  local level = tonumber(string.match(redis.call('HGET', SLOW, id) or '0', '^%d+'))
  if level > 0 then return interval_room(SLOW_STEP_MS * 2 ^ level, kind, name) end
  return math.huge
end

-- How many more jobs of the scraper may start now; `openings` says when time alone will let the next one start.
local function room(scraper)
  local known = rooms[scraper]
  if known then return known end
  local s = ':scraper:' .. scraper
  local rules = settings({'pause' .. s, 'off' .. s, 'login' .. s, 'open' .. s, 'cap' .. s, 'rate' .. s, 'interval' .. s,
    'hosts' .. s, 'weight' .. s})
  known = math.huge
  local opening = 0
  local function bound(count, opens_at)
    if count < known then known = count end
    if opens_at and opens_at > opening then opening = opens_at end
  end
  for _, kind in ipairs({'pause', 'login'}) do
    local ends = ends_at(rules[kind .. s])
    if ends then bound(0, ends > 0 and ends or math.huge) end
  end
  if rules['off' .. s] then bound(0, math.huge) end
  local running = rules['cap' .. s] or rules['open' .. s]
  running = running and tonumber(redis.call('HGET', INUSE, scraper) or '0')
  if rules['open' .. s] then
    local ends = ends_at(rules['open' .. s])
    if ends then bound(0, ends > 0 and ends or math.huge) else bound(1 - running) end
  end
  if rules['cap' .. s] then bound(tonumber(rules['cap' .. s]) - running) end
  if rules['rate' .. s] then bound(rate_room(rules['rate' .. s], 'scraper', scraper)) end
  if rules['interval' .. s] then bound(interval_room(tonumber(rules['interval' .. s]), 'scraper', scraper)) end
  bound(asked_room('scraper', scraper))
  for _, host in ipairs(hosts_of(scraper)) do
    local of_host = settings({'cap:host:' .. host, 'rate:host:' .. host})
    local cap, rate = of_host['cap:host:' .. host], of_host['rate:host:' .. host]
    if cap then bound(tonumber(cap) - tonumber(redis.call('HGET', INUSE_HOST, host) or '0')) end
    if rate then bound(rate_room(rate, 'host', host)) end
    bound(asked_room('host', host))
  end
  if excluded[scraper] then bound(0, math.huge) end
  rooms[scraper], openings[scraper] = known, known <= 0 and opening or 0
  weights[scraper] = math.max(1, tonumber(rules['weight' .. s] or '1'))
  return known
end

local function note_start_of(kind, name, rule)
  local count, window_ms = string.match(rule or '', '^(%d+)/(%d+)$')
  local key = starts_key(kind, name)
  redis.call('LPUSH', key, now_text)
  redis.call('LTRIM', key, 0, math.max(1, tonumber(count or '1')) - 1)
  redis.call('PEXPIRE', key, math.max(3600000, 2 * tonumber(window_ms or '0')))
end

-- Running jobs are counted when a call ends, or when a host's room has to be looked at again.
local function count_started()
  for scraper, count in pairs(started) do redis.call('HINCRBY', INUSE, scraper, count) end
  started = {}
end

-- A job of the scraper starts: what it uses up of every rule. Answers its hosts, which it gives back when it ends.
local function note_start(scraper)
  local s = ':scraper:' .. scraper
  local hosts = hosts_of(scraper)
  if slowed == nil then slowed = redis.call('EXISTS', SLOW) == 1 end
  started[scraper] = (started[scraper] or 0) + 1
  if controls['rate' .. s] or controls['interval' .. s] or slowed then
    note_start_of('scraper', scraper, controls['rate' .. s])
  end
  for _, host in ipairs(hosts) do
    redis.call('HINCRBY', INUSE_HOST, host, 1)
    if controls['rate:host:' .. host] or slowed then note_start_of('host', host, controls['rate:host:' .. host]) end
  end
  if #hosts == 0 then
    rooms[scraper] = rooms[scraper] - 1
    return ''
  end
  count_started()
  rooms = {}
  return table.concat(hosts, ',')
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
    if not priority_is_paused(priority) then open[#open + 1] = priority end
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

local function tell_change(name, before, value, who)
  local version = redis.call('HINCRBY', prefix .. 'changes', 'control', 1)
  add_fact({'control', name, 'before', before, 'after', value, 'who', who,
    'at', generation .. ' ' .. text(version) .. ' ' .. text(now_ms)})
end

-- Change one rule ('' takes it away), with the fact of who did it and what was there before.
local function change_control(name, value, who)
  local before = settings({name})[name] or ''
  if value == '' then redis.call('HDEL', CONTROL, name) else redis.call('HSET', CONTROL, name, value) end
  controls[name] = value ~= '' and value or false
  rooms, hosts_of_scraper = {}, {}
  tell_change(name, before, value, who)
  return before
end
