#!lua flags=allow-oom
-- No transition: set one of the rules of shared/gates.lua, or take it away. Safe to repeat.
-- ARGV[3] field of `control`, ARGV[4] its value, or '' to take it away, ARGV[5] who does it
-- Reply: the value before, '' for none
local before = settings({ARGV[3]})[ARGV[3]] or ''
if before ~= ARGV[4] then
  change_control(ARGV[3], ARGV[4], ARGV[5])
  finish_call()
  if work_waits() then wake() end
end
return before
