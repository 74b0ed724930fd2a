/** Why a target is missed where it is: written by people, by the `what` of the target. */
export const reasons: Readonly<Record<string, string>> = {
  'late defect from minute 20: ≤ 4 min, ≤ 250 failures':
    'Found in the bake, where the control has one request of twenty: a failure of the canary is then worth at most ln(1/0.95) = 0.05 nats, so that about a hundred are needed, however sure they look. The study’s 3.5 min end with the decision, ours half a minute later with the traffic. What an arm may do as a whole (`ARM_NOISE`) costs 20 of the failures. A control of 10 % would find it sooner.',
  'metric gaps and shared outages stop no good release':
    'An outage in the bake, in whose first tick by luck next to none of the control’s 75 requests failed: within alpha (2 %), and the price of a control of 5 %. None is stopped on the ladder, and gaps stop none at all.',
  'latency × 1.2 at 100 rps: ≤ 1.5 min':
    'Half a minute of it passes after the decision until the traffic is off, which the study did not count. The rest is `ARM_NOISE`: at low bounds there are so many slow requests that a tenth of noise from minute to minute explains most of them; without it 1.75 min. At a first weight of 10 % instead of 7 % it would be 2 min.',
  'bad releases shipped (excess ≥ what is tolerated) ≤ 2 %':
    'The advance test lets just what is tolerated pass one time in twenty, and at so little traffic the bake sees too few requests to speak against it.',
  'false stops ≤ 1.5 % in every good scenario (stable within its SLO)':
    'The guarantee is alpha, 2 %; what is above 1.5 % is noise of one arm alone beyond the tenth that is allowed for.',
};
