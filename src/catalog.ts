import type { Sli } from '#core/gate.ts';
import { business } from '#gates/business.ts';
import type { GateKind } from '#gates/define.ts';
import { errors } from '#gates/errors.ts';
import { latency } from '#gates/latency.ts';
import { probe } from '#gates/probe.ts';
import { threshold } from '#gates/threshold.ts';
import { assert } from '#lib/assert.ts';
import { albIngress } from '#routers/alb-ingress.ts';
import { apisixRoute } from '#routers/apisix-route.ts';
import { grpcRoute } from '#routers/grpc-route.ts';
import { httpProxy } from '#routers/http-proxy.ts';
import { httpRoute } from '#routers/http-route.ts';
import { nginxIngress } from '#routers/nginx-ingress.ts';
import { traefikService } from '#routers/traefik-service.ts';
import { virtualService } from '#routers/virtual-service.ts';

/**
 * The only list of kinds. A new kind is one file, one line here and one golden folder; schema, docs and law suites
 * go by this list, and a kind that is not on it is an error.
 */
export const routers = [
  { router: httpRoute, doc: 'Gateway API HTTPRoute: splits every rule that names the Service by weight.' },
  { router: grpcRoute, doc: 'Gateway API GRPCRoute: splits every rule that names the Service by weight.' },
  {
    router: virtualService,
    doc: "Istio VirtualService: splits every HTTP route that names the Service's host by weight.",
  },
  { router: traefikService, doc: 'Traefik TraefikService: splits the weighted service that names the Service.' },
  { router: httpProxy, doc: 'Contour HTTPProxy: splits every route that names the Service by weight.' },
  { router: apisixRoute, doc: 'APISIX ApisixRoute: splits every HTTP rule that names the Service, in whole percents.' },
  {
    router: nginxIngress,
    doc: 'Ingress with the annotations of ingress-nginx: a second Ingress beside yours, with `canary-weight`.',
  },
  {
    router: albIngress,
    doc: 'Ingress of the AWS Load Balancer Controller: splits every action that forwards to the Service.',
  },
] as const;

export const gates: readonly GateKind[] = [errors, latency, business, threshold, probe];

/** The kind of gate that judges an SLI. */
export function gateFor(sli: Sli['kind']): GateKind {
  const found = gates.find((gate) => gate.sli === sli);
  assert(found !== undefined, `there is a gate for sli.${sli}`);
  return found;
}

export const probes = [
  { kind: 'http', doc: 'One HTTP request to each canary pod; asserts on status and body, with stable as control.' },
] as const;
