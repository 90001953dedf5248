-- Renews the lease of a node, and gives the nodes whose leases are over. KEYS: the leases, a sorted set by when each is over (µs).
-- ARGV: the node, how long its lease holds (ms), how long one that is over is remembered (ms).

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
redis.call('ZADD', KEYS[1], string.format('%.0f', now + tonumber(ARGV[2]) * 1000), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - tonumber(ARGV[3]) * 1000))
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
