-- Begins another epoch, in which what the log keeps is numbered from 1 on. ARGV: epoch, place and tag of the last entry; the
-- new epoch; the channel. 0 if that is not the last entry any more.

local head = read_head()
if not head or head.epoch ~= ARGV[1] or head.seq ~= ARGV[2] or head.tag ~= ARGV[3] then return 0 end
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
-- The last eight lives, of eleven characters each, for those who were in one of them.
head.former = string.sub(head.former .. ',' .. head.epoch, -95)
head.epoch, head.seq, head.tag, head.offset, head.seats = ARGV[4], whole(seq), tag, whole(offset), whole(seq)
write_head(head)
redis.call('PUBLISH', ARGV[5], ARGV[4])
return 1
