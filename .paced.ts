import { pure } from '#test/sim/pure.ts';
let n=0, bad=0;
const checks = new Map<string, number>();
for (let seed = 9_300_002 + ((4 - (9_300_002 % 7) + 7) % 7); n < 300; seed += 7) {
  const plan = pure.planOf(seed);
  const r = await pure.run(seed, plan);
  for (const [k, v] of r.checks) checks.set(k, (checks.get(k) ?? 0) + v);
  n++;
  if (r.wrong) { bad++; console.log(seed, r.wrong.slice(0, 300)); }
}
console.log(n, bad, checks.get('paced'));
