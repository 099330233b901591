// What this browser remembers. Where it may remember nothing (cookies blocked), the page works all the same and forgets.

export class Store {
  #storage;

  constructor(storage) { this.#storage = storage; }

  // `localStorage`, if it can be touched at all.
  static ofBrowser() {
    try {
      return new Store(globalThis.localStorage);
    } catch {
      return new Store(undefined);
    }
  }

  // The value of that name, or `preset` where there is none that can be read.
  get(name, preset) {
    try {
      return JSON.parse(this.#storage.getItem(`impasto.${name}`)) ?? preset;
    } catch {
      return preset;
    }
  }

  set(name, value) {
    try {
      this.#storage.setItem(`impasto.${name}`, JSON.stringify(value));
    } catch { /* It is not remembered. */ }
  }
}
