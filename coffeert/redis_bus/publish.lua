-- Publishes one pass of the aggregator: checks that its leader may still write, brings the snapshot
-- and the keys for people to that pass, and publishes the message. One script, so no reader ever sees
-- a part of it. docs/redis.md has the rules of who may write.
--
-- KEYS: snapshot, top drinks, recent orders, the fence of the pass's lineage, the protocol in use, then the hash
--       of every hour that the snapshot has after this pass, and of those that it may have had before: servers
--       that spread keys refuse a key that is not declared
-- ARGV: the plan (coffeert.redis_bus.publisher.PublishPlan) as JSON, the snapshot's meta, the channel, the message,
--       then fields of the snapshot alternating with their values
--
-- Answers with one of
--   written ...  done; with the names of keys that held something of another type, now replaced
--   incomplete   nothing done: what is stored is not the pass before; send everything
--   undeclared ...
--                nothing done: these hours have left the snapshot, and their hashes are not among the keys
--   newer <n>    nothing done: a version of coffeert with protocol <n> publishes here
--   superseded <id>
--                nothing done: a later pass of the same leader is stored
--   fenced <n> own|other <id>
--                nothing done: what is stored, with token <n>, is of a leader that came later, or of passes
--                that the database no longer has; of this lineage or of another
-- <id> names what is stored, for the plan of a later pass whose commit has proved it outdated.

local snapshot, top, recent, fence, protocol = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local plan, meta, channel, message = cjson.decode(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local pass = cjson.decode(meta)

local ARGUMENTS_AT_ONCE = 4000 -- Lua's stack holds some 8,000

local function kind(key)
  return redis.call('TYPE', key).ok
end

local function call(command, key, arguments)
  for from = 1, #arguments, ARGUMENTS_AT_ONCE do
    local to = math.min(from + ARGUMENTS_AT_ONCE - 1, #arguments)
    redis.call(command, key, unpack(arguments, from, to))
  end
end

-- Returns whether a field of the snapshot can be an hour's; no other has a hash of its own.
local function is_hour(field)
  return string.find(field, '^hour:[%dT:-]+$') ~= nil
end

-- Returns the stored meta and its text, or nothing if it cannot be read.
local function stored_pass()
  if kind(snapshot) ~= 'hash' then
    return nil
  end
  local text = redis.call('HGET', snapshot, 'meta')
  local readable, found = pcall(cjson.decode, text)
  if readable and type(found) == 'table' and type(found.lineage) == 'string'
      and type(found.token) == 'number' and type(found.number) == 'number'
      and type(found.data_time) == 'string' and type(found.nonce) == 'string'
      and type(found.watermark) == 'string' then
    return found, text
  end
  return nil
end

-- Returns the highest token that the lineage has published with; what is no token counts for none.
local function published_token()
  local text = kind(fence) == 'string' and redis.call('GET', fence) or ''
  return string.match(text, '^%d+$') and tonumber(text) or -1
end

-- Returns the protocol of a newer version that publishes here, or nothing. What does not expire is not ours.
local function newer_protocol()
  local text = kind(protocol) == 'string' and redis.call('GET', protocol) or ''
  if string.find(text, '^%d%d?%d?$') and tonumber(text) > plan.protocol and redis.call('TTL', protocol) >= 0 then
    return text
  end
  return nil
end

-- Returns the number of the first transaction that a watermark has not seen begin.
local function horizon(watermark)
  return tonumber(string.match(watermark, '^%d+:(%d+):')) or 0
end

-- Returns whether a stored pass of this lineage can have been made before this one.
local function precedes(stored)
  if pass.token == stored.token then
    return pass.nonce == stored.nonce
      and (pass.number >= stored.number or pass.data_time <= stored.data_time)
  end
  return pass.number >= stored.number and horizon(pass.watermark) >= horizon(stored.watermark)
end

-- Returns why the pass must not be written, or nothing.
local function refusal(stored, stored_meta)
  local published = published_token()
  local id = redis.sha1hex(stored_meta or '')
  local function fenced(token, whose)
    return table.concat({ 'fenced', string.format('%.0f', token), whose, id }, ' ')
  end
  if pass.token < published then
    return fenced(published, 'own')
  end
  if not stored or id == plan.outdated then
    return nil
  end
  if stored.lineage ~= pass.lineage then
    if pass.token <= stored.token and pass.data_time <= stored.data_time then
      return fenced(stored.token, 'other')
    end
    return nil
  end
  if pass.token < stored.token or not precedes(stored) then
    return fenced(stored.token, 'own')
  end
  if pass.token == stored.token
      and (pass.number < stored.number
        or (pass.number == stored.number and meta ~= stored_meta)) then
    return 'superseded ' .. id
  end
  return nil
end

-- Returns whether what is stored, with the given fields on top, is the plan's whole snapshot.
local function completes(stored, stored_meta, present, given)
  if plan.whole then
    return true
  end
  if not stored or stored.lineage ~= pass.lineage or stored.nonce ~= pass.nonce
      or not (stored.watermark == pass.previous or meta == stored_meta) then
    return false
  end
  for _, field in ipairs(plan.live) do
    if not (present[field] or given[field]) then
      return false
    end
  end
  local whole = {}
  for _, hour in ipairs(plan.hours) do
    whole[hour.key] = hour.whole
  end
  for _, field in ipairs(plan.live) do
    local key = plan.prefix .. field
    if is_hour(field) and not whole[key] and kind(key) ~= 'hash' then
      return false
    end
  end
  return true
end

-- Deletes what somebody else has put under our names; returns their names.
local function clear_foreign()
  local expected = {
    [snapshot] = 'hash', [top] = 'zset', [recent] = 'list', [fence] = 'string', [protocol] = 'string',
  }
  for index = 6, #KEYS do
    expected[KEYS[index]] = 'hash'
  end
  local found = {}
  for key, wanted in pairs(expected) do
    local is = kind(key)
    if is ~= wanted and is ~= 'none' then
      redis.call('DEL', key)
      found[#found + 1] = key
    end
  end
  return found
end

local function write_snapshot(present, live)
  local fields = { unpack(ARGV, 5) }
  fields[#fields + 1] = 'meta'
  fields[#fields + 1] = meta
  call('HSET', snapshot, fields)
  for field in pairs(present) do
    if not live[field] then
      redis.call('HDEL', snapshot, field)
      if is_hour(field) then
        redis.call('DEL', plan.prefix .. field)
      end
    end
  end
  redis.call('EXPIRE', snapshot, plan.snapshot_ttl)
end

local function write_for_people()
  for _, hour in ipairs(plan.hours) do
    if hour.whole then
      redis.call('DEL', hour.key)
    end
    call('HDEL', hour.key, hour.empty)
    call('HSET', hour.key, hour.fields)
    redis.call('EXPIRE', hour.key, hour.ttl)
  end
  redis.call('DEL', top, recent)
  for drink, orders in pairs(plan.top) do
    redis.call('ZADD', top, orders, drink)
  end
  for _, order in ipairs(plan.recent) do
    redis.call('RPUSH', recent, order)
  end
  redis.call('EXPIRE', top, plan.snapshot_ttl)
  redis.call('EXPIRE', recent, plan.snapshot_ttl)
end

local newer = newer_protocol()
if newer then
  return 'newer ' .. newer
end
local stored, stored_meta = stored_pass()
local refused = refusal(stored, stored_meta)
if refused then
  return refused
end

local present = {}
if kind(snapshot) == 'hash' then
  for _, field in ipairs(redis.call('HKEYS', snapshot)) do
    present[field] = true
  end
end
local given = {}
for index = 5, #ARGV, 2 do
  given[ARGV[index]] = true
end
if not completes(stored, stored_meta, present, given) then
  return 'incomplete'
end

local live = { meta = true, recent = true }
for _, field in ipairs(plan.live) do
  live[field] = true
end
local declared = {}
for index = 6, #KEYS do
  declared[KEYS[index]] = true
end
local undeclared = {}
for field in pairs(present) do
  if is_hour(field) and not live[field] and not declared[plan.prefix .. field] then
    undeclared[#undeclared + 1] = field
  end
end
if #undeclared > 0 then
  return 'undeclared ' .. table.concat(undeclared, ' ')
end
local foreign = clear_foreign()
write_snapshot(present, live)
write_for_people()
redis.call('SET', fence, string.format('%.0f', pass.token), 'EX', plan.fence_ttl)
redis.call('SET', protocol, string.format('%.0f', plan.protocol), 'EX', plan.protocol_ttl)
redis.call('PUBLISH', channel, message)
return table.concat({ 'written', unpack(foreign) }, ' ')
