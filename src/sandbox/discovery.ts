import { apiVersionOf, type SandboxKind } from './kind.ts';
import type { Verb } from './request.ts';

/** What the server says about itself, so that kubectl finds its way: groups, kinds, and that fields are validated. */

const VERBS: Verb[] = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'] as Verb[];

/** The answer to a path about the server itself, or undefined where the path is about objects. */
export function discover(path: string, kinds: readonly SandboxKind[]): object | undefined {
  const clean = path.replace(/\/$/, '');
  if (clean === '/api') return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
  if (clean === '/apis') return { kind: 'APIGroupList', apiVersion: 'v1', groups: groupsOf(kinds) };
  if (clean === '/version') return VERSION;
  if (clean === '/readyz' || clean === '/livez' || clean === '/healthz') return { status: 'ok' };
  if (clean === '/openapi/v3') return openApiIndex(kinds);
  const [, place] = /^\/(?:openapi\/v3\/)?((?:api|apis\/[^/]+)\/[^/]+)$/.exec(clean) ?? [];
  const of = place === undefined ? [] : kinds.filter(({ resource }) => placeOf(apiVersionOf(resource)) === place);
  if (of.length === 0) return undefined;
  return clean.startsWith('/openapi') ? openApi(of) : resourceList(of);
}

const VERSION = {
  major: '1',
  minor: '36',
  gitVersion: 'v1.36.1+headgate-sandbox',
  platform: `${process.platform}/${process.arch}`,
};

function placeOf(apiVersion: string): string {
  return apiVersion.includes('/') ? `apis/${apiVersion}` : `api/${apiVersion}`;
}

function groupsOf(kinds: readonly SandboxKind[]): object[] {
  const groups = Map.groupBy(
    kinds.filter(({ resource }) => resource.group !== ''),
    ({ resource }) => resource.group,
  );
  return [...groups].map(([name, members]) => {
    const names = [...new Set(members.map(({ resource }) => resource.version))];
    const versions = names.map((version) => ({ groupVersion: `${name}/${version}`, version }));
    return { name, versions, preferredVersion: versions[0] };
  });
}

function resourceList(kinds: readonly SandboxKind[]): object {
  const [first] = kinds;
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: first === undefined ? '' : apiVersionOf(first.resource),
    resources: kinds.flatMap(resourcesOf),
  };
}

function resourcesOf(kind: SandboxKind): object[] {
  const { resource, singular, shortNames, categories, hasStatus, scale } = kind;
  const { plural, namespaced } = resource;
  const base = { singularName: singular, namespaced, kind: resource.kind };
  const part = (name: string, more: object = {}) => ({
    ...base,
    singularName: '',
    name: `${plural}/${name}`,
    verbs: ['get', 'patch', 'update'],
    ...more,
  });
  return [
    { ...base, name: plural, verbs: VERBS, shortNames, categories },
    ...(hasStatus ? [part('status')] : []),
    ...(scale === undefined ? [] : [part('scale', { group: 'autoscaling', version: 'v1', kind: 'Scale' })]),
  ];
}

function openApiIndex(kinds: readonly SandboxKind[]): object {
  const places = new Set(kinds.map(({ resource }) => placeOf(apiVersionOf(resource))));
  const paths = [...places].map((place) => [place, { serverRelativeURL: `/openapi/v3/${place}?hash=sandbox` }]);
  return { paths: Object.fromEntries(paths) };
}

/** No schemas: only what tells kubectl that the server itself validates fields, so that it does not. */
function openApi(kinds: readonly SandboxKind[]): object {
  const parameters = ['fieldValidation', 'dryRun', 'fieldManager'].map((name) => ({
    name,
    in: 'query',
    schema: { type: 'string', uniqueItems: true },
  }));
  const paths = kinds.map(({ resource }) => {
    const { group, version, kind, plural, namespaced } = resource;
    const scope = namespaced ? '/namespaces/{namespace}' : '';
    const identity = { 'x-kubernetes-group-version-kind': { group, version, kind } };
    const patch = { parameters, responses: {}, ...identity, 'x-kubernetes-action': 'patch' };
    return [`/${placeOf(apiVersionOf(resource))}${scope}/${plural}/{name}`, { patch }];
  });
  return {
    openapi: '3.0.0',
    info: { title: 'Headgate sandbox', version: VERSION.gitVersion },
    paths: Object.fromEntries(paths),
    components: { schemas: {} },
  };
}
