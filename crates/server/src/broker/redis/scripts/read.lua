-- The entries behind one. ARGV: its epoch, place and tag. Nothing (nil) if the room has another one there.

local entries = behind(read_head(), ARGV[1], tonumber(ARGV[2]), ARGV[3])
if not entries then return false end
return lines(entries)
