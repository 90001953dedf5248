-- Renews the lease of a node. KEYS: the leases, a sorted set by when each is over (µs). ARGV: the node, how long its lease holds
-- (ms), how long one that is over is remembered (ms). Gives why nothing can be written, or nothing; whether the lease held until
-- now, 1 or 0: who had none itself may be the first to renew it, and takes nobody for ended; and the nodes whose leases are over.

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local before = redis.call('ZSCORE', KEYS[1], ARGV[1])
local over = string.format('%.0f', now + tonumber(ARGV[2]) * 1000)
local tried = redis.pcall('ZADD', KEYS[1], over, ARGV[1])
-- A server that is full lets a script go on that has made room first, and a lease takes none to speak of.
redis.pcall('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - tonumber(ARGV[3]) * 1000))
local refusal = type(tried) == 'table' and tried.err or ''
if refusal ~= '' then tried = redis.pcall('ZADD', KEYS[1], over, ARGV[1]) end
local held = before and tonumber(before) > now and type(tried) ~= 'table'
return { refusal, held and 1 or 0, redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now)) }
