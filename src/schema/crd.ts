import type * as z from 'zod';
import { type Structural, toStructural } from './structural.ts';

export const GROUP = 'headgate.dev';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;

export interface Column {
  name: string;
  type: 'string' | 'integer' | 'date' | 'boolean';
  jsonPath: string;
  description?: string;
  /** 0 is shown always, 1 with `-o wide`. */
  priority?: 0 | 1;
}

/** One kind, as its file declares it. */
export interface Kind {
  kind: string;
  plural: string;
  shortNames: string[];
  scope: 'Namespaced' | 'Cluster';
  /** What it is, in a sentence or two. */
  description: string;
  spec: z.ZodType;
  status?: z.ZodType;
  /** The status of an object that nobody has looked at yet. */
  unseen?: object;
  /** Most characters of the object's name, and why there is a limit. */
  nameLimit?: { max: number; because: string };
  columns: Column[];
  /** With the `scale` subresource: its replicas and selector are those of our shapes. */
  scale?: boolean;
}

/** A CustomResourceDefinition, ready to be printed. */
export function crdOf(kind: Kind) {
  const { plural, shortNames, scope, columns, status } = kind;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${GROUP}` },
    spec: {
      group: GROUP,
      names: { kind: kind.kind, plural, singular: kind.kind.toLowerCase(), shortNames, categories: ['headgate'] },
      scope,
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: schemaOf(kind) },
          additionalPrinterColumns: [...columns, age],
          ...(status === undefined ? {} : { subresources: subresources(kind) }),
        },
      ],
    },
  };
}

const age: Column = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };

function subresources({ scale }: Kind) {
  if (scale !== true) return { status: {} };
  return {
    status: {},
    scale: {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.status.selector',
    },
  };
}

/** The whole object's schema. */
export function schemaOf({ kind, description, spec, status, unseen, nameLimit }: Kind): Structural {
  const properties: Record<string, Structural> = {
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: { type: 'object' },
    spec: { description: `What is wished of this ${kind}.`, ...toStructural(spec, `${kind}.spec`) },
  };
  if (status !== undefined) {
    properties['status'] = {
      description: `What is seen of this ${kind}.`,
      ...toStructural(status, `${kind}.status`),
      ...(unseen === undefined ? {} : { default: unseen }),
    };
  }
  const schema: Structural = { type: 'object', description, properties, required: ['spec'] };
  if (nameLimit === undefined) return schema;
  const rule = `size(self.metadata.name) <= ${nameLimit.max}`;
  const message = `the name must have at most ${nameLimit.max} characters: ${nameLimit.because}`;
  return { ...schema, 'x-kubernetes-validations': [{ rule, message }] };
}
