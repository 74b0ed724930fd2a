-- Health of a Rollout, by the words of its own status. Argo CD knows the four of them from Argo Rollouts.
local health = { status = "Progressing", message = "the operator has not looked at it yet" }
local status = obj.status
if status == nil or status.phase == nil then
  return health
end
-- A sync that has just changed the spec must not pass for healthy by the status of the one before.
if status.observedGeneration ~= obj.metadata.generation then
  health.message = "the operator has not looked at the newest spec yet"
  return health
end
local words = { Healthy = "Healthy", Progressing = "Progressing", Paused = "Suspended", Degraded = "Degraded" }
health.status = words[status.phase] or "Unknown"
health.message = status.message or ""
if status.reason ~= nil and status.reason ~= "" then
  health.message = status.reason .. ": " .. health.message
end
return health
