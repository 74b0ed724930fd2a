/** Something that only a few may do at a time: in the order in which they came, and each group in its turn. */
export interface Turns {
  /** `group` is whose turn it takes, e.g. a namespace: one that asks for much does not hold up the others. */
  take(group?: string): Promise<void>;
  give(): void;
}

export function createTurns(free: number): Turns {
  let left = free;
  // A group leaves the front of the map with each turn that it gets, and comes to its end again while it waits on.
  const waiting = new Map<string, (() => void)[]>();
  return {
    async take(group = '') {
      if (left > 0) {
        left -= 1;
        return;
      }
      await new Promise<void>((resolve) => {
        const queue = waiting.get(group);
        if (queue === undefined) waiting.set(group, [resolve]);
        else queue.push(resolve);
      });
    },
    give() {
      const [first] = waiting;
      if (first === undefined) {
        left += 1;
        return;
      }
      const [group, queue] = first;
      const next = queue.shift();
      waiting.delete(group);
      if (queue.length > 0) waiting.set(group, queue);
      next?.();
    },
  };
}
