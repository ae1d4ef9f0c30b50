#!lua flags=allow-oom
-- No transition: an id that another producer pushed, whose document is no job, is set aside: visible, not lost.
-- ARGV[3] the queue it was found in, ARGV[4] id
-- Reply: how many ids are set aside now
redis.call('ZREM', prefix .. 'foreign', ARGV[3] .. ':' .. ARGV[4])
redis.call('LREM', prefix .. 'orphans', 0, ARGV[4])
redis.call('LPUSH', prefix .. 'orphans', ARGV[4])
redis.call('LTRIM', prefix .. 'orphans', 0, 9999)
return redis.call('LLEN', prefix .. 'orphans')
