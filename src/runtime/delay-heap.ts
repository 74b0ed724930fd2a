import type { Millis } from '#lib/units.ts';

export interface Delayed {
  key: string;
  at: Millis;
}

/** Keys by due time, one due time a key: the earliest asked for. A binary heap whose dead entries are skipped. */
export class DelayHeap {
  readonly #heap: Delayed[] = [];
  readonly #due = new Map<string, Millis>();

  get size(): number {
    return this.#due.size;
  }

  /** Keeps the earlier of the two when the key waits already. */
  add(key: string, at: Millis): void {
    const known = this.#due.get(key);
    if (known !== undefined && known <= at) return;
    this.#due.set(key, at);
    // Entries of keys that were taken or moved forward stay in the heap; more dead than living ones are swept.
    if (this.#heap.length > 64 && this.#heap.length > 2 * this.#due.size) this.#sweep();
    this.#push({ key, at });
  }

  delete(key: string): void {
    this.#due.delete(key);
  }

  /** When the next key is due. */
  nextAt(): Millis | undefined {
    while (this.#heap[0] !== undefined && !this.#lives(this.#heap[0])) this.#pop();
    return this.#heap[0]?.at;
  }

  /** Takes all that are due, earliest first. */
  takeDue(now: Millis): string[] {
    const keys: string[] = [];
    for (let at = this.nextAt(); at !== undefined && at <= now; at = this.nextAt()) {
      const first = this.#pop();
      if (first === undefined) break;
      this.#due.delete(first.key);
      keys.push(first.key);
    }
    return keys;
  }

  #lives({ key, at }: Delayed): boolean {
    return this.#due.get(key) === at;
  }

  #sweep(): void {
    const living = [...this.#due].map(([key, at]) => ({ key, at }));
    this.#heap.length = 0;
    for (const entry of living) this.#push(entry);
  }

  #push(entry: Delayed): void {
    const heap = this.#heap;
    let child = heap.push(entry) - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || above.at <= entry.at) break;
      heap[child] = above;
      child = parent;
    }
    heap[child] = entry;
  }

  #pop(): Delayed | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let parent = 0;
    for (;;) {
      const left = 2 * parent + 1;
      const least =
        (heap[left + 1]?.at ?? Number.POSITIVE_INFINITY) < (heap[left]?.at ?? Number.POSITIVE_INFINITY)
          ? left + 1
          : left;
      const below = heap[least];
      if (below === undefined || below.at >= last.at) break;
      heap[parent] = below;
      parent = least;
    }
    heap[parent] = last;
    return first;
  }
}
