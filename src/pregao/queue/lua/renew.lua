#!lua flags=allow-oom
-- running stays running: extend the leases that this worker holds, and say that it lives.
-- A lease that has expired but was not reclaimed yet is still its holder's.
-- ARGV[3] worker, ARGV[4] lease in ms, ARGV[5] facts about the worker as JSON, ARGV[6…] pairs id, token
-- Reply: per pair OK | CANCEL (a cancel was requested) | LOST (someone else may run it: write nothing)
local worker, deadline = ARGV[3], text(now_ms + tonumber(ARGV[4]))
local replies = {}
for at = 6, #ARGV, 2 do
  local id = ARGV[at]
  local v = redis.call('HMGET', meta_key(id), 'state', 'token', 'cancel')
  if v[1] == 'running' and v[2] == ARGV[at + 1] then
    redis.call('ZADD', RUNNING, 'XX', deadline, id)
    replies[#replies + 1] = v[3] == '1' and 'CANCEL' or 'OK'
  else
    replies[#replies + 1] = 'LOST'
  end
end
redis.call('HSET', prefix .. 'workers', worker, text(now_ms) .. '|' .. ARGV[5])
return replies
