-- The document in :data. Scripts never decode it: its head has a fixed width and is overwritten in place.
local function padded(value, width) return value .. string.rep(' ', width - #value) end

-- Milliseconds since the epoch as a JSON string in UTC; nil as null of the same width.
-- Days to a civil date: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
local function iso(ms)
  if not ms then return padded('null', 31) end
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
  return string.format('"%04d-%02d-%02dT%02d:%02d:%02d.%03d+00:00"', year, month, day,
    math.floor(rest / 3600), math.floor(rest / 60) % 60, rest % 60, ms % 1000)
end

local function document_head(job)
  return '{"status":' .. padded('"' .. job.state .. '"', 11)
    .. ',"priority":' .. padded('"' .. job.priority .. '"', 8)
    .. ',"retry_count":' .. padded(text(job.retry_count), 4)
    .. ',"attempt":' .. padded(text(job.attempt), 8)
    .. ',"started_at":' .. iso(job.started)
    .. ',"completed_at":' .. iso(job.ended) .. ','
end

-- Write the whole document; `body` is what the caller knows of the job, without braces.
local function write_document(job, body, error_json)
  local head = document_head(job)
  job.error_at = #head + #body
  redis.call('SET', data_key(job.id), head .. body .. ',"error":' .. error_json .. '}')
end

local function write_head(job)
  redis.call('SETRANGE', data_key(job.id), 0, document_head(job))
end

-- Replace the error, which is always the last field; its place was kept when the document was written.
local function write_error(job, error_json)
  local document = redis.call('GET', data_key(job.id))
  if document then
    redis.call('SET', data_key(job.id), string.sub(document, 1, job.error_at) .. ',"error":' .. error_json .. '}')
  end
end
