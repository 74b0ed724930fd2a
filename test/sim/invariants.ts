/** The invariants that worlds watch, by their numbers in ARCHITECTURE.md. The last ones are the gates' own. */
export const INVARIANTS = {
  carried: '1 only pods that can carry weight get it',
  earned: '2 no raise without probes, a good stable and passed gates',
  granted: '3 no raise before its state is stored',
  fenced: '4 no raise past a newer fence',
  breached: '5 a breach reaches the weight that onBreach asks for',
  upward: '6 never corrected upward',
  scaled: '7 nothing that is still sent to is scaled down',
  demand: '8 stable never below demand',
  unproven: '9 no unproven pod behind the stable Service',
  committed: '10 never back over the commit point',
  oneWriter: '11 exactly one writer raises',
  paused: '12 only a person lifts a pause',
  deleted: '14 deletion leaves no orphan',
  rested: '15 the wished state is reached once faults stop',
  restarted: '16 a restart changes no traffic and loses no evidence',
  approved: '22 no step is left without the people that it asks for',
  returned: '27 a stable that shrinks carries what is sent to it, and takes the rest back as its pods come',
  overgranted: 'what somebody else gave is gone after one pass',
  awake: 'it always waits for something, and never in the past',
  silence: 'silence is not success: no pass without counted ticks',
  slander: 'a canary that never failed is never called worse',
  counted: 'nothing is counted twice',
  rotten: 'a rotten revision serves only by a word of a person',
  bounded: 'a saved gate has at most 1 KiB',
} as const;

export type Invariant = keyof typeof INVARIANTS;
