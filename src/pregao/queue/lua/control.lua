#!lua flags=allow-oom
-- No transition: pause or resume a queue or a scraper, set or lift a cap, set fairness. Safe to repeat.
-- ARGV[3] field of `control`, ARGV[4] its value, or '' to take it away, ARGV[5] who does it
-- Reply: the value before, '' for none
local before = setting(ARGV[3]) or ''
if before ~= ARGV[4] then
  change_control(ARGV[3], ARGV[4], ARGV[5])
  finish_call()
  if work_waits() then wake() end
end
return before
