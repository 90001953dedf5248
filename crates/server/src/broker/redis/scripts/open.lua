-- The room as it is; a new one where there is none. ARGV: an epoch for a new one, how long it is kept (ms).

local head = read_head()
if not head then
  head = { epoch = ARGV[1], seq = 0, tag = '0', at = 0, offset = 0, seats = '0', presence = 0, joins = 0, former = '' }
  -- First, so that a server that is full refuses it.
  write_head(head)
  redis.call('DEL', KEYS[2], KEYS[3], KEYS[4])
end
-- What may not be written now can be read all the same.
for i = 1, 4 do redis.pcall('PEXPIRE', KEYS[i], ARGV[2]) end
local entries = lines(redis.call('XRANGE', KEYS[2], '-', '+'))
local seen = { head.epoch, tostring(head.seq), head.tag, head.seats, tostring(head.presence), head.former }
return { seen, whole(now()), entries, redis.call('HGETALL', KEYS[3]), redis.call('HGETALL', KEYS[4]) }
