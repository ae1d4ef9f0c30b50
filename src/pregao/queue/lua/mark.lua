#!lua flags=allow-oom
-- No transition: set the last fired time of schedules, without firing.
-- `later` works without a generation marker; `absent` does not: a lost mark must come back before a new one is made.
-- ARGV[3] absent (a schedule seen for the first time starts here) | later (marks recovered from PostgreSQL),
-- ARGV[4…] pairs schedule, time in ms
-- Reply: how many marks were written
if ARGV[3] == 'absent' and not generation then
  return redis.error_reply('NOGEN this Redis holds no generation marker')
end
local FIRED = prefix .. 'fired'
local written = 0
for at = 4, #ARGV, 2 do
  local mark = redis.call('HGET', FIRED, ARGV[at])
  if not mark or (ARGV[3] == 'later' and tonumber(ARGV[at + 1]) > tonumber(mark)) then
    redis.call('HSET', FIRED, ARGV[at], ARGV[at + 1])
    written = written + 1
  end
end
return written
