-- Begins another epoch, in which what the log keeps is numbered from 1 on. ARGV: epoch, place and tag of the last entry; the
-- new epoch; the channel. 0 if that is not the last entry any more.

local head = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'tag', 'former')
if head[1] ~= ARGV[1] or head[2] ~= ARGV[2] or head[3] ~= ARGV[3] then return 0 end
local entries = redis.call('XRANGE', KEYS[2], '-', '+')
local ttl = redis.call('PTTL', KEYS[1])
redis.call('DEL', KEYS[2])
local seq, offset, tag = 0, 0, '0'
for _, entry in ipairs(entries) do
  local logged, mine, rest = string.match(entry[2][2], '^%S+ (%S+) (%S+) %S+ (.*)$')
  seq, offset = seq + 1, offset + tonumber(logged)
  local fields = { 'e', whole(offset) .. ' ' .. logged .. ' ' .. mine .. ' ' .. tag .. ' ' .. rest }
  if entry[2][4] then fields[3], fields[4] = 'm', entry[2][4] end
  redis.call('XADD', KEYS[2], whole(seq) .. '-1', unpack(fields))
  tag = mine
end
if ttl > 0 then redis.call('PEXPIRE', KEYS[2], ttl) end
-- The last eight lives, for those who were in one of them.
local former = string.sub((head[4] or '') .. ' ' .. head[1], -95)
redis.call('HSET', KEYS[1], 'epoch', ARGV[4], 'seq', whole(seq), 'tag', tag, 'offset', whole(offset), 'seats', whole(seq),
  'former', former)
redis.call('PUBLISH', ARGV[5], ARGV[4])
return 1
