/**
 * Listeners by type. A listener that throws harms neither the others nor the room: its error is thrown again on its
 * own, where the platform reports it.
 *
 * @template {Record<string, any>} Details what each type of event carries
 */
export class Emitter {
  /** @type {Map<keyof Details, Set<(detail: any) => void>>} */
  #listeners = new Map();

  /**
   * @template {keyof Details} Type
   * @param {Type} type
   * @param {(detail: Details[Type]) => void} listener
   * @returns {() => void} takes the listener off
   */
  on(type, listener) {
    // Wrapped, so that the same function may be given twice and taken off once.
    const entry = (/** @type {Details[Type]} */ detail) => listener(detail);
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(entry));
    return () => void listeners.delete(entry);
  }

  /**
   * @template {keyof Details} Type
   * @param {Type} type
   * @param {Details[Type]} detail
   */
  emit(type, detail) {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) {
      try {
        listener(detail);
      } catch (error) {
        Promise.reject(error);
      }
    }
  }
}
