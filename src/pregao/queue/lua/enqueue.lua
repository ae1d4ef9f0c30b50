#!lua
-- (new) → pending. Record jobs so that a worker may take them; all of the call or nothing of it.
-- Safe to repeat: a known id answers EXISTS, a unique key held by a live job DUPLICATE with that job's id.
-- Refused at maxmemory (no allow-oom): new work must not push out work that runs.
-- ARGV[3…] per job: id, priority, scraper, label, max_retries, unique, body
-- Reply: flat list of code (CREATED | EXISTS | DUPLICATE), id
local problem = check_jobs(3)
if problem then return redis.error_reply(problem) end
local replies = create_all(3)
finish_call()
return replies
