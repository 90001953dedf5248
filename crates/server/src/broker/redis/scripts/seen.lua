-- Shared by the scripts of a room. KEYS: its head, log, seats and documents. The head is a hash of `epoch`, `seq`, `tag` and
-- `at` (those of the last entry), `offset` (the log's), `seats` (the last entry that changed them), `presence` (its
-- version), `joins` (counted, for the order of the seats) and `former` (the epochs that this one goes on from). The log is a stream whose ids are SEQ-1; `e` is the entry, and `m` is
-- member and id of a message.

local function whole(number) return string.format('%.0f', number) end

-- What stands behind an entry: nil if the room has another one there, or none any more.
local function behind(head, epoch, seq, tag)
  if head[1] ~= epoch or tonumber(head[2]) < seq then return nil end
  if tonumber(head[2]) == seq then
    if head[3] ~= tag then return nil end
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
