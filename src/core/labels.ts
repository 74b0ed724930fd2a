/** Labels, annotations and names by which Headgate knows what is its own. */

export const ROLLOUT_LABEL = 'headgate.dev/rollout';
export const REVISION_LABEL = 'headgate.dev/revision';
export const STABLE_LABEL = 'headgate.dev/stable';
export const CANARY_LABEL = 'headgate.dev/canary';
/** On the one pod that a retreat keeps: the release it belonged to. */
export const QUARANTINE_LABEL = 'headgate.dev/quarantine';
export const FINALIZER = 'headgate.dev/give-back';
/** Who the API server records for what we apply. */
export const FIELD_MANAGER = 'headgate';

/** One ReplicaSet a revision. */
export function replicaSetName(rollout: string, revision: string): string {
  return `${rollout}-${revision}`;
}

/** The Service beside the user's own. */
export function canaryServiceName(service: string): string {
  return `${service}-canary`;
}
