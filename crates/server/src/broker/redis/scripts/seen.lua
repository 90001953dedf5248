-- Shared by the scripts of a room. KEYS: its head, log, seats and documents. The head is a string of words: the epoch; number, tag
-- and time of the last entry; the log's offset; the last entry that changed the seats; the version of the presence; how many have
-- joined, for the order of the seats; and the epochs that this one goes on from, by commas. The log is a stream whose ids are
-- SEQ-1; `e` is the entry, and `m` is member and id of a message.

local function whole(number) return string.format('%.0f', number) end

-- The head; false if there is none, or if the log or the seats were evicted: what is left says nothing.
local function read_head()
  local text = redis.call('GET', KEYS[1])
  if not text then return false end
  local head = {}
  head.epoch, head.seq, head.tag, head.at, head.offset, head.seats, head.presence, head.joins, head.former =
    string.match(text, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (.*)$')
  if tonumber(head.seq) > 0 then
    -- Each joining and each leaving is a version of the presence, so there are so many seats.
    local seats = 2 * tonumber(head.joins) - tonumber(head.presence)
    if redis.call('EXISTS', KEYS[2], KEYS[seats > 0 and 3 or 2]) < 2 then return false end
  end
  return head
end

local function write_head(head)
  redis.call('SET', KEYS[1], table.concat({ head.epoch, head.seq, head.tag, head.at, head.offset, head.seats, head.presence,
    head.joins, head.former }, ' '), 'KEEPTTL')
end

-- What stands behind an entry: nil if the room has another one there, or none any more.
local function behind(head, epoch, seq, tag)
  if not head or head.epoch ~= epoch or tonumber(head.seq) < seq then return nil end
  if tonumber(head.seq) == seq then
    if head.tag ~= tag then return nil end
    return {}
  end
  local entries = redis.call('XRANGE', KEYS[2], whole(math.max(seq, 1)) .. '-1', '+')
  if seq == 0 then
    if tag ~= '0' or #entries == 0 or entries[1][1] ~= '1-1' then return nil end
    return entries
  end
  if #entries == 0 or entries[1][1] ~= whole(seq) .. '-1' then return nil end
  if string.match(entries[1][2][2], '^%S+ %S+ (%S+) ') ~= tag then return nil end
  table.remove(entries, 1)
  return entries
end

local function lines(entries)
  local all = {}
  for i, entry in ipairs(entries) do
    all[i] = string.match(entry[1], '^%d+') .. ' ' .. entry[2][2]
  end
  return all
end

local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end
