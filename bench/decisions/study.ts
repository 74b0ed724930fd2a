/**
 * What the study before the design measured, at worst ±2.5 points; its times end with the decision, ours with the
 * traffic. Its own policy had steps, bake and dispersion tempering as designed, and started the clock without settling.
 */
export const study: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'good-100rps-p0.1': row(['0.5 %; 3', '0 %; 20', '0 %; 20', '0 %; 5', '0.2 %; 50', '6.2 %; 20']),
  'worse-5-100rps-p0.1': row([
    '11 / .25 / 100',
    '64 / 4 / 100',
    '64 / 4 / 100',
    '187 / 6 / 100',
    '308 / 10 / 100',
    '11 / .5 / 100',
  ]),
  'worse-1-100rps-p0.1': row([
    '9 / 1.2 / 100',
    '16 / 5 / 100',
    '33 / 7 / 100',
    '693 / 8 / 82',
    '62 / 10 / 100',
    '4 / .8 / 100',
  ]),
  'worse-0.5-100rps-p0.1': row([
    '12 / 1.8 / 100',
    '16 / 7 / 100',
    '1240 / 10 / 7',
    '1689 / – / 0',
    '34 / 10 / 100',
    '4 / 1.5 / 100',
  ]),
  'worse-0.1-100rps-p0.1': row([
    '271 / 13 / 24',
    '264 / – / 1',
    '267 / – / 0',
    '339 / – / 0',
    '86 / 20 / 5',
    '37 / 12 / 89',
  ]),
  'late-20': row([
    '233 / 3.5 / 100',
    '10538 / – / 0',
    '10538 / – / 0',
    '10537 / – / 0',
    '2541 / 20 / 37',
    '9667 / – / 8',
  ]),
  'outage-10': row(['0.8 %', '100 %', '100 %', '0 %', '0 %', '100 %']),
  'gap-2': row(['1.2 %', '100 %', '100 %', '0 %', '0 %', '6 %']),
  'gap-6': row(['0 %', '100 %', '100 %', '100 %', '0 %', '8 %']),
  noisy: row(['1.0 %', '0 %', '0 %', '0 %', '0.5 %', '9.5 %']),
  'worse-1-10rps-p0.1': row([
    '10 / 4 / 100',
    '5 / 10 / 100',
    '7 / 9 / 100',
    '179 / 9 / 48',
    '35 / 30 / 79',
    '3 / 5 / 100',
  ]),
  'worse-0.5-10rps-p0.1': row([
    '21 / 8 / 94',
    '6 / 12 / 99',
    '47 / 13 / 68',
    '160 / 9 / 4',
    '31 / 40 / 45',
    '8 / 9 / 97',
  ]),
  'good-10rps-p0.4': row(['0.5 %; 6', '84 %', '26 %', '0 %', '0.3 %', '6 %']),
  'worse-20-1rps-p0.1': row([
    '3 / 3 / 100',
    '7 / 7 / 100',
    '7 / 7 / 100',
    '15 / 7 / 100',
    '42 / 20 / 91',
    '21 / 14 / 100',
  ]),
  'worse-5-1rps-p0.1': row([
    '5 / 9.5 / 100',
    '6 / 13 / 99',
    '5 / 13 / 100',
    '46 / 9 / 76',
    '42 / 40 / 10',
    '5 / 14 / 100',
  ]),
  'good-1rps-p0.1': { headgate: '25 min, 92 % within the hour' },
};

function row(figures: readonly string[]): Record<string, string> {
  const names = ['headgate', 'argo-slo', 'argo-99', 'flagger-99', 'kayenta', 'z-0.001'];
  return Object.fromEntries(names.map((name, index) => [name, figures[index] ?? '']));
}
