import { at, type Field, isThere, members, note, refuse, settle, textOf } from './field.ts';
import { windowText } from './figures.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** OpenSLO's shorthand leaves the length of months, quarters and years open: these are the usual ones. */
const units: Record<string, { ms: number; calendar?: true }> = {
  m: { ms: 60_000 },
  h: { ms: HOUR },
  d: { ms: DAY },
  w: { ms: 7 * DAY },
  M: { ms: 30 * DAY, calendar: true },
  Q: { ms: 90 * DAY, calendar: true },
  Y: { ms: 365 * DAY, calendar: true },
};

/** The rolling window of an SLO; undefined where it leaves it open, or where it was refused. */
export function readTimeWindow(field: Field): string | undefined {
  const [window, ...more] = members(field);
  if (window === undefined) {
    if (isThere(field)) refuse(field, 'must be a list of one window');
    return undefined;
  }
  for (const other of more) refuse(other, 'is one too many: OpenSLO allows one window');
  const duration = at(window, 'duration');
  const [, amount, letter = ''] = /^(\d{1,6})([mhdwMQY])$/.exec(textOf(duration) ?? '') ?? [];
  const unit = units[letter];
  if (amount === undefined || unit === undefined) return refuse(duration, 'must be a duration such as 28d, 4w or 1M');
  const rolling = windowText(Number(amount) * unit.ms);
  noteCalendar(window, rolling);
  const isCalendar = isThere(at(window, 'calendar'));
  if (unit.calendar === true && !isCalendar) {
    note(duration, 'Loss', `its length varies: window.rolling is ${rolling}`);
  }
  return rolling;
}

function noteCalendar(window: Field, rolling: string): void {
  const calendar = at(window, 'calendar');
  const isRolling = at(window, 'isRolling');
  settle(isRolling);
  if (isThere(calendar) && isRolling.value === true) refuse(isRolling, 'goes with no calendar: give one of the two');
  else if (isThere(calendar)) note(calendar, 'Loss', `windows follow no calendar: window.rolling is ${rolling}`);
  else if (isRolling.value === false) note(isRolling, 'Loss', `every window rolls: window.rolling is ${rolling}`);
}
