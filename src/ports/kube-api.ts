import type { Json } from '#lib/json.ts';

/** What every Kubernetes object has. Fields we do not know are kept: objects are raw JSON, never classes. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  [field: string]: unknown;
}

export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  managedFields?: Json[];
  generateName?: string;
}

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** A kind as the API server's paths name it, e.g. `{group: 'apps', version: 'v1', plural: 'replicasets'}`. */
export interface Resource {
  /** Empty for the core group. */
  group: string;
  version: string;
  plural: string;
  kind: string;
  namespaced: boolean;
}

/** One object's address. `namespace` is left out for cluster-scoped kinds. */
export interface ObjectRef {
  resource: Resource;
  namespace?: string;
  name: string;
}

export interface JsonPatchOperation {
  op: 'add' | 'remove' | 'replace' | 'test';
  path: string;
  value?: unknown;
}

export type Subresource = 'status' | 'scale';

export interface WriteOptions {
  /** Who the API server records in managedFields. */
  fieldManager?: string;
  subresource?: Subresource;
  /** Validated and admitted, never stored. */
  dryRun?: boolean;
  /** Skips the client-side rate limit: lowering traffic waits for nothing. */
  urgent?: boolean;
  signal?: AbortSignal;
}

export interface ListOptions {
  labelSelector?: string;
  fieldSelector?: string;
  signal?: AbortSignal;
}

/**
 * The API server, as the reconcile path uses it. Every call throws OperatorError with a KUBE_ code
 * (404 → KUBE_NOT_FOUND, 409 → KUBE_CONFLICT or KUBE_EXISTS, a failed JSON patch test → KUBE_CONFLICT,
 * 422 → KUBE_INVALID, 403 → KUBE_FORBIDDEN, 410 → KUBE_EXPIRED, the rest → KUBE_UNAVAILABLE).
 * Names go last in each call's object, so two strings never stand side by side.
 */
export interface KubeApi {
  get(ref: ObjectRef, options?: { signal?: AbortSignal; urgent?: boolean }): Promise<KubeObject>;
  list(resource: Resource, namespace: string | undefined, options?: ListOptions): Promise<KubeObject[]>;
  create(resource: Resource, object: KubeObject, options?: WriteOptions): Promise<KubeObject>;
  /** PUT with the object's resourceVersion. */
  replace(resource: Resource, object: KubeObject, options?: WriteOptions): Promise<KubeObject>;
  /** Server-side apply, `fieldManager` required. */
  apply(
    resource: Resource,
    object: KubeObject,
    options: WriteOptions & { fieldManager: string; force?: boolean },
  ): Promise<KubeObject>;
  jsonPatch(ref: ObjectRef, patch: JsonPatchOperation[], options?: WriteOptions): Promise<KubeObject>;
  mergePatch(ref: ObjectRef, patch: unknown, options?: WriteOptions): Promise<KubeObject>;
  delete(ref: ObjectRef, options?: DeleteOptions): Promise<void>;
}

export interface DeleteOptions {
  /** Only if it is still this object. */
  uid?: string;
  /** Only if nobody has written it since. */
  resourceVersion?: string;
  propagation?: 'Background' | 'Foreground' | 'Orphan';
  graceSeconds?: number;
  signal?: AbortSignal;
}
