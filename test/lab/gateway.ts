import { apiServerUrl, type Layout, ports } from './layout.ts';
import type { ProcessSpec } from './processes.ts';

/** The Gateway that tests attach their routes to, from any namespace. */
export const gateway = { namespace: 'lab-system', name: 'lab', className: 'traefik' } as const;

export function traefik({ place, tools, credentials }: Layout): ProcessSpec {
  return {
    name: 'traefik',
    argv: [
      tools.traefik,
      // A Gateway's listener is served by the entry point that has its port.
      `--entrypoints.web.address=${place.address}:${ports.gateway}`,
      '--providers.kubernetesgateway=true',
      `--providers.kubernetesgateway.endpoint=${apiServerUrl(place)}`,
      `--providers.kubernetesgateway.token=${credentials.adminTokenFile}`,
      `--providers.kubernetesgateway.certauthfilepath=${credentials.caFile}`,
      `--providers.kubernetesgateway.statusaddress.ip=${place.address}`,
      // The client's own rate limit (50 a second) would delay route statuses when many tests run at once.
      '--providers.kubernetesgateway.qps=-1',
      // Its own kinds, whose configuration stays empty, and so unchanged, where nobody makes any of them.
      '--providers.kubernetescrd=true',
      `--providers.kubernetescrd.endpoint=${apiServerUrl(place)}`,
      `--providers.kubernetescrd.token=${credentials.adminTokenFile}`,
      `--providers.kubernetescrd.certauthfilepath=${credentials.caFile}`,
      // A canary whose last pod just went must not take stable's route down with it.
      '--providers.kubernetescrd.allowemptyservices=true',
      // Ingresses of class nginx with the annotations of ingress-nginx.
      '--providers.kubernetesingressnginx=true',
      `--providers.kubernetesingressnginx.endpoint=${apiServerUrl(place)}`,
      `--providers.kubernetesingressnginx.token=${credentials.adminTokenFile}`,
      `--providers.kubernetesingressnginx.certauthfilepath=${credentials.caFile}`,
      '--providers.kubernetesingressnginx.httpentrypoint=web',
      // The default of 2 s between two configurations would dominate the time from a weight to its traffic.
      '--providers.providersthrottleduration=100ms',
      // Two idle connections per pod, the default, mean a new connection for nearly every request under load.
      '--serverstransport.maxidleconnsperhost=200',
      `--entrypoints.traefik.address=${place.address}:${ports.traefik}`,
      '--ping=true',
      '--api.insecure=true',
      '--metrics.prometheus=true',
      '--metrics.prometheus.addrouterslabels=true',
      '--metrics.prometheus.addserviceslabels=true',
      // Bounds on both sides of the usual latency objectives; the default has only four buckets.
      '--metrics.prometheus.buckets=0.005,0.01,0.025,0.05,0.1,0.25,0.5,1,2.5,5,10',
      '--log.level=INFO',
      '--global.checknewversion=false',
      '--global.sendanonymoususage=false',
    ],
  };
}

/** What the lab puts into the cluster once the Gateway API's kinds are there, by the path to create it at. */
export function gatewayObjects(): readonly { readonly path: string; readonly body: object }[] {
  const apiVersion = 'gateway.networking.k8s.io/v1';
  const listener = {
    name: 'http',
    protocol: 'HTTP',
    port: ports.gateway,
    allowedRoutes: { namespaces: { from: 'All' } },
  };
  return [
    { path: '/api/v1/namespaces', body: { metadata: { name: gateway.namespace } } },
    {
      path: `/apis/${apiVersion}/gatewayclasses`,
      body: {
        apiVersion,
        kind: 'GatewayClass',
        metadata: { name: gateway.className },
        spec: { controllerName: 'traefik.io/gateway-controller' },
      },
    },
    {
      path: `/apis/${apiVersion}/namespaces/${gateway.namespace}/gateways`,
      body: {
        apiVersion,
        kind: 'Gateway',
        metadata: { name: gateway.name },
        spec: { gatewayClassName: gateway.className, listeners: [listener] },
      },
    },
  ];
}
