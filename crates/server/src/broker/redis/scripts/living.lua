-- Which of the nodes ARGV have a lease that holds: 1 or 0 for each. KEYS: the leases.

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local living = {}
for i, node in ipairs(ARGV) do
  local over = redis.call('ZSCORE', KEYS[1], node)
  living[i] = over and tonumber(over) > now and 1 or 0
end
return living
