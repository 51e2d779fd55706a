/** A value kept in the browser's storage. Storage may be forbidden or full: then it lives as long as the page. */

const PREFIX = "gregaria.";

export function read<T>(key: string, fallback: T): T {
  try {
    const text = localStorage.getItem(PREFIX + key);
    return text === null ? fallback : (JSON.parse(text) as T);
  } catch {
    return fallback;
  }
}

export function write(key: string, value: unknown): void {
  try {
    localStorage.setItem(PREFIX + key, JSON.stringify(value));
  } catch {
    /* nothing to do about it */
  }
}

export class Remembered<T> {
  #value: T;

  constructor(
    private readonly key: string,
    fallback: T,
  ) {
    this.#value = $state(read(key, fallback));
  }

  get value(): T {
    return this.#value;
  }

  set value(value: T) {
    this.#value = value;
    write(this.key, value);
  }
}
