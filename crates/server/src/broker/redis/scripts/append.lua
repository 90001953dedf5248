-- Puts proposals in order, each once, and publishes what was placed.
-- ARGV: epoch, place and tag of the last entry that the node has seen; the channel; entries to keep; how long the room is kept
-- (ms); `last` if that entry must be the room's last, and nothing otherwise; then for each proposal nine: tag, whether it takes
-- an offset (1 or 0), when it was placed before (µs; empty if it was not), its condition (empty, `s` SEQ or `d` KIND VERSION),
-- the change, `m` (empty if it is no message with an id), and what it does beside standing in the log: an operation with two
-- arguments.

local head = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'tag', 'offset', 'seats', 'presence', 'at', 'joins')
local old = behind(head, ARGV[1], tonumber(ARGV[2]), ARGV[3])
if not old or ARGV[7] == 'last' and #old > 0 then return false end

local placed, said = {}, {}
for _, entry in ipairs(old) do
  local seq = string.match(entry[1], '^%d+')
  local offset, tag = string.match(entry[2][2], '^(%S+) %S+ (%S+) ')
  placed[tag] = seq
  if entry[2][4] then said[entry[2][4]] = seq .. ' ' .. offset end
end

local seq, tag, offset = tonumber(head[2]), head[3], tonumber(head[4])
local seats, presence, joins = head[5], tonumber(head[6]), tonumber(head[8])
local seats_before = seats
local latest = math.max(now(), tonumber(head[7]))
local at = latest

local function holds(condition)
  local kind = string.sub(condition, 1, 1)
  if kind == 's' then return string.sub(condition, 2) == seats_before end
  if kind == 'd' then
    local document, version = string.match(condition, '^d(%S+) (%S+)$')
    local text = redis.call('HGET', KEYS[4], document)
    return (text and string.match(text, '^%d+') or '0') == version
  end
  return true
end

-- A seat has three fields: `i` who (behind the number of its joining), `a` the attempt, `h` what holds it.
local noted = false
local function note(operation, first, second)
  noted = true
  if operation == 'document' then
    local text = redis.call('HGET', KEYS[4], first)
    local version = text and tonumber(string.match(text, '^%d+')) or 0
    redis.call('HSET', KEYS[4], first, whole(version + 1) .. ' ' .. second)
    return
  end
  if operation == 'leave' then
    presence = presence + 1
    redis.call('HDEL', KEYS[3], 'i' .. first, 'a' .. first, 'h' .. first)
  elseif operation == 'lose' then
    redis.call('HSET', KEYS[3], 'h' .. first, 'until ' .. whole(at + tonumber(second)))
  else
    local attempt, held, identity = string.match(second, '^(%S+) (by %S+ %S+)%s?(.*)$')
    if operation == 'join' then
      presence, joins = presence + 1, joins + 1
      redis.call('HSET', KEYS[3], 'i' .. first, whole(joins) .. ' ' .. identity)
    end
    redis.call('HSET', KEYS[3], 'a' .. first, attempt, 'h' .. first, held)
  end
  seats = whole(seq)
end

local places, new = {}, { ARGV[1] }
for i = 8, #ARGV, 9 do
  local mine, logged, before, condition, change, message = unpack(ARGV, i, i + 5)
  if placed[mine] then
    places[#places + 1] = 'at ' .. placed[mine]
  elseif message ~= '' and said[message] then
    places[#places + 1] = 'said ' .. said[message]
  elseif not holds(condition) then
    places[#places + 1] = 'conflict'
  else
    seq, offset = seq + 1, offset + tonumber(logged)
    at = tonumber(before) or latest
    local entry = whole(offset) .. ' ' .. logged .. ' ' .. mine .. ' ' .. tag .. ' ' .. whole(at) .. ' ' .. change
    local id = whole(seq) .. '-1'
    if message == '' then
      redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], id, 'e', entry)
    else
      redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], id, 'e', entry, 'm', message)
      said[message] = whole(seq) .. ' ' .. whole(offset)
    end
    tag, placed[mine] = mine, whole(seq)
    if ARGV[i + 6] ~= '' then note(ARGV[i + 6], ARGV[i + 7], ARGV[i + 8]) end
    places[#places + 1] = 'at ' .. whole(seq)
    new[#new + 1] = whole(seq) .. ' ' .. entry
  end
end

if #new > 1 then
  redis.call('HSET', KEYS[1], 'seq', whole(seq), 'tag', tag, 'at', whole(at), 'offset', whole(offset), 'seats', seats,
    'presence', whole(presence), 'joins', whole(joins))
  -- Not each time: whoever follows the room has it kept. But a key that is new would stay for ever if that node ended.
  local before = tonumber(head[2])
  if noted or before == 0 or math.floor(before / 64) < math.floor(seq / 64) then
    for i = 1, 4 do redis.call('PEXPIRE', KEYS[i], ARGV[6]) end
  end
  redis.call('PUBLISH', ARGV[4], table.concat(new, '\n'))
end
return places
