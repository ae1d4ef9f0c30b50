-- Refuse while Redis is not known to PostgreSQL: after a FLUSHALL a script must not act on half a queue.
if not generation then
  return redis.error_reply('NOGEN this Redis holds no generation marker')
end
