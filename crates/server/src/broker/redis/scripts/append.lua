-- Puts proposals in order, each once, and publishes what was placed.
-- ARGV: epoch, place and tag of the last entry that the node has seen; the channel; entries to keep; how long the room is kept
-- (ms); `last` if that entry must be the room's last, and nothing otherwise; then each proposal: words (tag; whether it takes an
-- offset, 1 or 0; when it was placed before, in µs, or `-`; its condition, `s` SEQ, `d` KIND `:` VERSION, or `-`; an operation or
-- nothing), the change, `m` (empty if it is no message with an id), and, if there is an operation, its two arguments.

local head = read_head()
local old = behind(head, ARGV[1], tonumber(ARGV[2]), ARGV[3])
if not old or ARGV[7] == 'last' and #old > 0 then return false end

local placed, said = {}, {}
for _, entry in ipairs(old) do
  local seq = string.match(entry[1], '^%d+')
  local offset, tag = string.match(entry[2][2], '^(%S+) %S+ (%S+) ')
  placed[tag] = seq
  if entry[2][4] then said[entry[2][4]] = seq .. ' ' .. offset end
end

local seq, tag, offset = tonumber(head.seq), head.tag, tonumber(head.offset)
local seats, presence, joins = head.seats, tonumber(head.presence), tonumber(head.joins)
local latest = math.max(now(), tonumber(head.at))
local at = latest

local function holds(condition)
  if condition == '-' then return true end
  if string.sub(condition, 1, 1) == 's' then return string.sub(condition, 2) == head.seats end
  local document, version = string.match(condition, '^d([^:]+):(%S+)$')
  local text = redis.call('HGET', KEYS[4], document)
  return (text and string.match(text, '^%d+') or '0') == version
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

local places, new, i = {}, { ARGV[1] }, 8
while i <= #ARGV do
  local mine, logged, before, condition, operation = string.match(ARGV[i], '^(%S+) (%S+) (%S+) (%S+) (.*)$')
  local change, message = ARGV[i + 1], ARGV[i + 2]
  if placed[mine] then
    places[#places + 1] = 'at ' .. placed[mine]
  elseif message ~= '' and said[message] then
    places[#places + 1] = 'said ' .. said[message]
  elseif not holds(condition) then
    places[#places + 1] = 'conflict'
  else
    seq, offset = seq + 1, offset + tonumber(logged)
    at = tonumber(before) or latest
    local number = whole(seq)
    local entry = whole(offset) .. ' ' .. logged .. ' ' .. mine .. ' ' .. tag .. ' ' .. whole(at) .. ' ' .. change
    if message == '' then
      redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], number .. '-1', 'e', entry)
    else
      redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], number .. '-1', 'e', entry, 'm', message)
      said[message] = number .. ' ' .. whole(offset)
    end
    tag, placed[mine] = mine, number
    if operation ~= '' then note(operation, ARGV[i + 3], ARGV[i + 4]) end
    places[#places + 1] = 'at ' .. number
    new[#new + 1] = number .. ' ' .. entry
  end
  i = i + (operation == '' and 3 or 5)
end

if #new > 1 then
  -- Not each time: whoever follows the room has it kept. But a key that is new would stay for ever if that node ended.
  local before = tonumber(head.seq)
  head.seq, head.tag, head.at, head.offset = whole(seq), tag, whole(at), whole(offset)
  head.seats, head.presence, head.joins = seats, whole(presence), whole(joins)
  write_head(head)
  if noted or before == 0 or math.floor(before / 64) < math.floor(seq / 64) then
    for key = 1, 4 do redis.call('PEXPIRE', KEYS[key], ARGV[6]) end
  end
  redis.call('PUBLISH', ARGV[4], table.concat(new, '\n'))
end
return places
