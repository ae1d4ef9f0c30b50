-- The breaker of a scraper: closed → open after so many failures of one class in a row → one job at a time when its
-- time is over → closed by the first that completes, open for twice as long by one that fails.
local FAILURES = prefix .. 'failures'
local FIRST_MS, LONGEST_MS = 60000, 900000
local in_a_row, healthy = {}, {}

-- The class and number of the scraper's last failures, as far as this call knows them; written when it ends.
local function failures_of(scraper)
  in_a_row[scraper] = in_a_row[scraper] or redis.call('HGET', FAILURES, scraper) or ''
  return string.match(in_a_row[scraper], '^(%S+) (%d+)$')
end

local function write_failures()
  for scraper, value in pairs(in_a_row) do
    if value == '' then redis.call('HDEL', FAILURES, scraper) else redis.call('HSET', FAILURES, scraper, value) end
  end
end

-- What somebody tripped (it says `who`) stays so for its time, whatever was still running then.
local function stays(open)
  local ends = ends_at(open)
  return ends == 0 or (ends and string.find(open, '"who":', 1, true))
end

-- An attempt ended. `class` is '' for one that says nothing about the scraper: completed counts as its health.
local function note_end(scraper, completed, class, error_json)
  if completed and healthy[scraper] then return end
  local limit_rule, open_rule = 'breaker:scraper:' .. scraper, 'open:scraper:' .. scraper
  local rules = settings({limit_rule, open_rule})
  local limit = tonumber(rules[limit_rule] or '')
  if completed then
    healthy[scraper] = true
    if limit or rules[open_rule] then in_a_row[scraper] = '' end
    if rules[open_rule] and not stays(rules[open_rule]) then change_control(open_rule, '', 'a job completed') end
    return
  end
  if class == '' or not (limit or rules[open_rule]) then return end
  healthy[scraper] = nil
  local last, count = failures_of(scraper)
  count = last == class and tonumber(count) + 1 or 1
  in_a_row[scraper] = class .. ' ' .. count
  local was_open = rules[open_rule]
  if was_open and ends_at(was_open) then return end
  if not was_open and (not limit or count < limit) then return end
  local lasted = was_open and tonumber(string.match(was_open, '"for_ms":(%d+)') or '')
  local for_ms = lasted and math.min(LONGEST_MS, 2 * lasted) or FIRST_MS
  local since = was_open and string.match(was_open, '"since":("[^"]*")') or iso(now_ms)
  change_control(open_rule, string.format('%.0f|{"class":"%s","count":%d,"for_ms":%d,"since":%s,"error":%s}',
    now_ms + for_ms, class, count, for_ms, since, error_json), 'breaker')
end
