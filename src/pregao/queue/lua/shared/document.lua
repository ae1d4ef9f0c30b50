-- The document in :data. Scripts never decode it: its head has a fixed width and is overwritten in place.
local written_times, written_heads = {}, {}

-- Milliseconds since the epoch as a JSON string in UTC; nil as null of the same width.
-- Days to a civil date: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
local function iso(ms)
  if not ms then return 'null                           ' end
  local known = written_times[ms]
  if known then return known end
  local seconds = math.floor(ms / 1000)
  local days = math.floor(seconds / 86400)
  local rest = seconds - days * 86400
  local shifted = days + 719468
  local era = math.floor(shifted / 146097)
  local day_of_era = shifted - era * 146097
  local year_of_era = math.floor((day_of_era - math.floor(day_of_era / 1460) + math.floor(day_of_era / 36524)
    - math.floor(day_of_era / 146096)) / 365)
  local day_of_year = day_of_era - (365 * year_of_era + math.floor(year_of_era / 4) - math.floor(year_of_era / 100))
  local month = math.floor((5 * day_of_year + 2) / 153)
  local day = day_of_year - math.floor((153 * month + 2) / 5) + 1
  month = month < 10 and month + 3 or month - 9
  local year = year_of_era + era * 400 + (month <= 2 and 1 or 0)
  known = string.format('"%04d-%02d-%02dT%02d:%02d:%02d.%03d+00:00"', year, month, day,
    math.floor(rest / 3600), math.floor(rest / 60) % 60, rest % 60, ms % 1000)
  written_times[ms] = known
  return known
end

local function document_head(job)
  local what = job.state .. job.priority .. job.retry_count .. ' ' .. job.attempt .. ' ' .. (job.started or '') .. (job.ended and '.' or '')
  local known = written_heads[what]
  if known then return known end
  known = string.format('{"status":%-11s,"priority":%-8s,"retry_count":%-4d,"attempt":%-8d,"started_at":%s,"completed_at":%s,',
    '"' .. job.state .. '"', '"' .. job.priority .. '"', job.retry_count, job.attempt, iso(job.started), iso(job.ended))
  written_heads[what] = known
  return known
end

-- What events say of a job: its scraper and ticker as its document writes them.
local function label_in(whole)
  return string.match(whole, '("scraper_name":.-),"created_at":') or '"scraper_name":null,"ticker":null'
end

-- The whole document; `body` is what the caller knows of the job, without braces. The error is always the last field.
local function document(job, body, error_json)
  return document_head(job) .. body .. ',"error":' .. error_json .. '}'
end

-- Somebody else's SET or LPUSH may have put anything there: what is no text is thrown away, and the job found unreadable.
local function write_head(job)
  local key, head = data_key(job.id), document_head(job)
  local written = redis.pcall('SETRANGE', key, 0, head)
  if type(written) == 'table' and written.err then
    redis.call('DEL', key)
    redis.call('SETRANGE', key, 0, head)
  end
end

-- Quotes inside of text are escaped, so that the last `,"error":` is the field itself.
local function write_error(job, error_json)
  local whole = redis.call('GET', data_key(job.id)) or ''
  local at = string.match(whole, '.*(),"error":')
  if at then
    redis.call('SET', data_key(job.id), string.sub(whole, 1, at - 1) .. ',"error":' .. error_json .. '}')
  end
end
