/** A value that others can follow. */
export class Source<T> {
  #value: T;
  readonly #followers = new Set<(value: T) => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const follower of Array.from(this.#followers)) follower(value);
  }

  /** Returns what ends it. */
  readonly follow = (follower: (value: T) => void): (() => void) => {
    // A function of its own for each call, so that following twice with the same one is ended twice.
    const own = (value: T) => follower(value);
    this.#followers.add(own);
    return () => void this.#followers.delete(own);
  };
}
