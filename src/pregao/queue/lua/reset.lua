#!lua flags=allow-oom
-- No transition: close the breaker of a scraper, and forget its failures in a row and what its source asked for. Safe to
-- repeat. Each thing that is taken away is a fact, like a changed rule; its jobs run at once if nothing else holds them.
-- ARGV[3] scraper, folded, ARGV[4] who does it,
-- ARGV[5] 1 to forget what its hosts asked for as well: other scrapers may ask them too
-- Reply: flat list of what was there: rule, value
local scraper, who, with_hosts = ARGV[3], ARGV[4], ARGV[5] == '1'
local lifted = {}

local function note(name, before)
  lifted[#lifted + 1] = name
  lifted[#lifted + 1] = before
end

local function close()
  local name = 'open:scraper:' .. scraper
  if settings({name})[name] then note(name, change_control(name, '', who)) end
end

local function forget_failures()
  local run = redis.call('HGET', FAILURES, scraper)
  if not run then return end
  redis.call('HDEL', FAILURES, scraper)
  local name = 'failures:scraper:' .. scraper
  note(name, run)
  tell_change(name, run, '', who)
end

local function forget_complaint(source)
  local held, level = redis.call('HGET', HOLDS, source), redis.call('HGET', SLOW, source)
  if not held and not level then return end
  redis.call('HDEL', HOLDS, source)
  redis.call('HDEL', SLOW, source)
  local name, before = 'hold:' .. source, (held or '0') .. '|{"level":' .. string.match(level or '0', '^%d+') .. '}'
  note(name, before)
  tell_change(name, before, '', who)
end

close()
forget_failures()
forget_complaint('scraper:' .. scraper)
if with_hosts then
  for _, host in ipairs(hosts_of(scraper)) do forget_complaint('host:' .. host) end
end
finish_call()
if work_waits() then wake() end
return lifted
