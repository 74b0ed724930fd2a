-- An action of Argo CD makes a RolloutAction, as a person would. The API server demands that `by` is who asks, and that
-- is Argo CD's own account: it does not pass on who pressed the button.
local verb = "VERB"
local by = "system:serviceaccount:argocd:argocd-server"
local action = {
  apiVersion = "headgate.dev/v1alpha1",
  kind = "RolloutAction",
  metadata = {
    generateName = obj.metadata.name .. "-" .. verb .. "-",
    namespace = obj.metadata.namespace,
  },
  spec = { rollout = obj.metadata.name, verb = verb, by = by, reason = "pressed in Argo CD, whose log says by whom" },
}
-- The words that let a step go name it: pressed twice, the second is refused instead of letting the next step go too.
local release = ((obj.status or {}).state or {}).release
if release ~= nil and (verb == "promote" or verb == "skip-step") then
  action.spec.step = release.step + 1
end
return { { operation = "create", resource = action } }
