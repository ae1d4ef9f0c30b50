#!lua flags=allow-oom
-- No transition: drop facts that are in PostgreSQL from the outbox. Safe to repeat.
-- ARGV[3…] pairs entry id, bytes
-- Reply: how many entries were dropped
local dropped, bytes = 0, 0
for at = 3, #ARGV, 2 do
  if redis.call('XDEL', OUTBOX, ARGV[at]) == 1 then
    dropped = dropped + 1
    bytes = bytes + tonumber(ARGV[at + 1])
  end
end
if redis.call('XLEN', OUTBOX) == 0 then
  redis.call('SET', OUTBOX_BYTES, '0')
elseif bytes > 0 then
  redis.call('DECRBY', OUTBOX_BYTES, text(bytes))
end
return dropped
