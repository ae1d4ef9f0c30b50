-- What a tick does about the gates.

-- Take away the pauses that are over; answers ms until the next gate opens by time alone, -1 when none will.
local function tend_gates()
  local over, next_ms = {}, -1
  local function sooner(at_ms)
    if at_ms > now_ms and at_ms < math.huge and (next_ms < 0 or at_ms - now_ms < next_ms) then next_ms = at_ms - now_ms end
  end
  local all = redis.call('HGETALL', CONTROL)
  for at = 1, #all, 2 do
    local name, value = all[at], all[at + 1]
    controls[name] = value
    local ends = string.sub(name, 1, 6) == 'pause:' and tonumber(string.match(value, '^%d+')) or 0
    if ends > 0 and ends <= now_ms then over[#over + 1] = name elseif ends > 0 then sooner(ends) end
  end
  table.sort(over)
  for _, name in ipairs(over) do change_control(name, '', 'its time was over') end
  for _, scraper in ipairs(parked_scrapers()) do
    if room(scraper) <= 0 then sooner(openings[scraper]) end
  end
  return next_ms
end

-- Who was slowed down goes a step faster after each minute without a complaint.
local function recover_speed()
  local slow = redis.call('HGETALL', SLOW)
  for at = 1, #slow, 2 do
    local level, since = string.match(slow[at + 1], '^(%d+) (%d+)$')
    if now_ms - tonumber(since) >= 60000 then
      if tonumber(level) <= 1 then
        redis.call('HDEL', SLOW, slow[at])
      else
        redis.call('HSET', SLOW, slow[at], text(tonumber(level) - 1) .. ' ' .. text(now_ms))
      end
    end
  end
  local holds = redis.call('HGETALL', HOLDS)
  for at = 1, #holds, 2 do
    if tonumber(holds[at + 1]) <= now_ms then redis.call('HDEL', HOLDS, holds[at]) end
  end
end
