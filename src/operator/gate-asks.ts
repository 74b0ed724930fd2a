import type { GateCost } from '#core/gate.ts';
import { OperatorError } from '#lib/errors.ts';
import type { FreeQuestion, Grid, Question, Span } from '#sources/ask.ts';

export type { Grid, Point, Span } from '#sources/ask.ts';

/** Asks one source on behalf of one gate. */
export interface Asks {
  ask(question: Question | FreeQuestion, span: Span): Promise<Grid>;
}

/** One question under way. */
export interface Asked {
  question: Question | FreeQuestion;
  span: Span;
  answer(grid: Grid, cost: GateCost): void;
  fail(error: unknown): void;
}

/** Sends what was asked and settles each of it. Never rejects. */
export type Send = (batch: readonly Asked[]) => Promise<void>;

/** One pass over a source. */
export interface Pass {
  /**
   * Runs the reading of one gate, and says what it took. Questions are held until every gate of the pass waits for an
   * answer or has ended, so that all of them are sent as few queries; a gate that asks again, because it missed many
   * ticks, asks together with the others that do.
   */
  read(gate: (asks: Asks) => Promise<void>): Promise<GateCost>;
}

interface Reader {
  waiting: number;
  cost: GateCost;
}

export function createPass(send: Send): Pass {
  const readers = new Set<Reader>();
  let asked: { reader: Reader; one: Asked }[] = [];
  let sending = false;

  function sendIfAllWait(): void {
    if (sending || asked.length === 0 || [...readers].some(({ waiting }) => waiting === 0)) return;
    const batch = asked.map(({ one }) => one);
    asked = [];
    sending = true;
    void send(batch).finally(() => {
      sending = false;
      soon();
    });
  }

  /** Whoever asks may ask more in the same breath: all of it is one batch. */
  function soon(): void {
    queueMicrotask(sendIfAllWait);
  }

  function ask(reader: Reader, question: Asked['question'], span: Span): Promise<Grid> {
    reader.waiting += 1;
    soon();
    return new Promise((resolve, reject) => {
      const one: Asked = {
        question,
        span,
        answer(grid, cost) {
          reader.waiting -= 1;
          reader.cost = addCost(reader.cost, cost);
          resolve(grid);
        },
        fail(error) {
          reader.waiting -= 1;
          reject(error);
        },
      };
      asked.push({ reader, one });
    });
  }

  return {
    async read(gate) {
      const reader: Reader = { waiting: 0, cost: noCost };
      readers.add(reader);
      try {
        await gate({ ask: (question, span) => ask(reader, question, span) });
        return reader.cost;
      } finally {
        readers.delete(reader);
        // A gate that has failed waits for nothing more: what it asked and was not sent yet is dropped.
        for (const { reader: owner, one } of asked) if (owner === reader) one.fail(ended);
        asked = asked.filter(({ reader: owner }) => owner !== reader);
        soon();
      }
    },
  };
}

const ended = new OperatorError('SOURCE_UNREACHABLE', 'the gate is not read any more');

export const noCost: GateCost = { queries: 0, series: 0, bytes: 0, seconds: 0 };

export function addCost(a: GateCost, b: GateCost): GateCost {
  return {
    queries: a.queries + b.queries,
    series: a.series + b.series,
    bytes: a.bytes + b.bytes,
    seconds: a.seconds + b.seconds,
  };
}
