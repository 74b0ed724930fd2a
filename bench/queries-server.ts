import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parsePodQuery, processesOf } from './queries-fleet.ts';

/** A server that answers the queries of the fleet as Prometheus would, in a process of its own. Ranges are empty: nobody was there before. */

const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (chunk: string) => {
    body += chunk;
  });
  request.on('end', () => {
    const query = new URLSearchParams(body);
    const range = request.url?.endsWith('_range') === true;
    const result = range ? '' : vector(query.get('query') ?? '', Number(query.get('time')));
    response.setHeader('content-type', 'application/json');
    response.end(`{"status":"success","data":{"resultType":"${range ? 'matrix' : 'vector'}","result":[${result}]}}`);
  });
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.on('disconnect', () => process.exit());

const BOUNDS = ['0.005', '0.01', '0.025', '0.05', '0.1', '0.25', '0.5', '1.0', '2.5', '5.0', '10.0', '+Inf'];
/** What Prometheus' operator puts on a target beside the pod. */
const TARGET = '"endpoint":"http","job":"monitoring/apps","prometheus":"monitoring/k8s"';

function vector(promql: string, time: number): string {
  const query = parsePodQuery(promql);
  return processesOf()
    .filter(({ namespace, pod }) => query.namespaces.has(namespace) && query.pods?.test(pod) !== false)
    .map((process) => seriesOf(query, process, time))
    .join(',');
}

type Process = ReturnType<typeof processesOf>[number];

function seriesOf(
  query: ReturnType<typeof parsePodQuery>,
  { namespace, pod, instance }: Process,
  time: number,
): string {
  const process = `"container":"app","instance":"${instance}","namespace":"${namespace}","pod":"${pod}"`;
  const one = (labels: string, shown: number) => `{"metric":{${labels}},"value":[${time},"${shown}"]}`;
  if (query.isUp) {
    const name = query.isTime ? '' : '"__name__":"up",';
    return one(`${name}${process},${TARGET}`, query.isTime ? time - 5 : 1);
  }
  if (query.isTime) return one(process, time - 5);
  const value = Math.floor(time * (query.isBad ? 0.1 : 100));
  if (!query.le) return one(process, value);
  return BOUNDS.map((bound, index) => one(`${process},"le":"${bound}"`, value * (index + 1))).join(',');
}
