import { ROLLOUT_ACTION } from '#kube/resources.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { dig, type SandboxKind } from './kind.ts';
import { forbidden } from './refused.ts';
import { GROUPS, PERSON } from './reviews.ts';

/** The policy of deploy/admission-policy.yaml, as far as people who may do everything can break it. */
export function admit({ resource }: SandboxKind, object: KubeObject, people: readonly string[]): void {
  if (resource.kind !== ROLLOUT_ACTION.kind) return;
  const policy = "ValidatingAdmissionPolicy 'headgate-actions' with binding 'headgate-actions' denied request";
  const groups = dig(object, ['spec', 'groups']);
  if (Array.isArray(groups) && groups.some((group) => !GROUPS.includes(String(group))))
    throw forbidden(resource, object.metadata.name, `${policy}: spec.groups must name groups that you are in`);
  const by = String(dig(object, ['spec', 'by']) ?? '');
  if (people.includes(by)) return;
  const because = `${policy}: spec.by must be your own user name, ${PERSON}, and not ${by}`;
  throw forbidden(resource, object.metadata.name, because);
}
