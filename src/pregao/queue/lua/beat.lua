#!lua flags=allow-oom
-- No transition: a scheduler says that it lives. Those that have been silent for long are dropped.
-- ARGV[3] scheduler, ARGV[4] facts about it as JSON, ARGV[5] silence in ms
-- Reply: how many schedulers are listed now
local SCHEDULERS = prefix .. 'schedulers'
redis.call('HSET', SCHEDULERS, ARGV[3], text(now_ms) .. '|' .. ARGV[4])
local all = redis.call('HGETALL', SCHEDULERS)
for at = 1, #all, 2 do
  local heartbeat = tonumber(string.match(all[at + 1], '^%d+'))
  if heartbeat and now_ms - heartbeat > tonumber(ARGV[5]) then redis.call('HDEL', SCHEDULERS, all[at]) end
end
return redis.call('HLEN', SCHEDULERS)
