-- Which actions Argo CD offers: those that the operator would not refuse as the Rollout stands. The operator decides
-- again when the action arrives, so a button that is a moment too old does no harm.
local actions = {}
for _, verb in ipairs({ VERBS }) do
  actions[verb] = { disabled = true }
end
local function offer(verbs)
  for _, verb in ipairs(verbs) do
    actions[verb].disabled = false
  end
  return actions
end

local status = obj.status or {}
local release = (status.state or {}).release
if release == nil then
  -- A release that waits for its budget or for its turn has not begun yet.
  local waits = status.reason == "BudgetLow"
  for _, condition in ipairs(status.conditions or {}) do
    waits = waits or (condition.type == "Queued" and condition.status == "True")
  end
  return waits and offer({ "expedite" }) or actions
end
if release.committed then
  return actions
end
if release.ending ~= nil then
  -- One that only makes room for the next is nobody's to steer.
  local ended = { Abort = { "retry" }, Retreat = { "retry", "resume", "abort" } }
  return offer(ended[release.ending.kind] or {})
end

offer({ "retreat", "abort" })
if status.phase == "Progressing" then
  offer({ "pause" })
elseif status.phase == "Paused" and status.reason ~= "Step" and status.reason ~= "Approval" then
  offer({ "resume" })
end
-- No word goes past a breach, past traffic that somebody took back, or past people who have to agree.
local final = { GateBreached = true, RouteChanged = true, Approval = true }
if status.phase == "Paused" and final[status.reason] then
  return actions
end
offer({ "expedite" })
if release.stage == "Holding" or release.stage == "Baking" then
  offer({ "promote", "skip-step" })
end
return actions
