-- The room as it is; a new one where there is none. ARGV: an epoch for a new one, how long it is kept (ms).

local head = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'tag', 'offset', 'seats', 'presence', 'former')
if head[1] and tonumber(head[2]) > 0 then
  -- A log that is not there, or ends elsewhere, was evicted: what is left says nothing.
  local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
  if #last == 0 or last[1][1] ~= head[2] .. '-1' then head[1] = false end
end
if not head[1] then
  redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
  redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'seq', 0, 'tag', 0, 'at', 0, 'offset', 0, 'seats', 0, 'presence', 0, 'joins', 0,
    'former', '')
  head = { ARGV[1], '0', '0', '0', '0', '0', '' }
end
head[7] = head[7] or ''
for i = 1, 4 do redis.call('PEXPIRE', KEYS[i], ARGV[2]) end
local entries = lines(redis.call('XRANGE', KEYS[2], '-', '+'))
return { head, whole(now()), entries, redis.call('HGETALL', KEYS[3]), redis.call('HGETALL', KEYS[4]) }
