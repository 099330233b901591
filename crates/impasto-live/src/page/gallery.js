// The styles as cards: a tap paints, plus or a long press mixes.

import { picture } from "./server.js";
import { styleName } from "./words.js";

const LONG_PRESS_MS = 450;

// `on` has `choose(id)`, `mix(id)`, `favour(id)` and `remove(id)`.
export class Gallery {
  #list; #on; #cards = new Map(); #current = null; #camera = 0; #sought = null;

  constructor(list, on) {
    [this.#list, this.#on] = [list, on];
    list.addEventListener("keydown", (event) => this.#key(event));
    list.addEventListener("focusin", ({ target }) => this.#moveTo(target.closest("li")?.dataset.id));
  }

  // Shows these styles, marks those of the mix and the favourites.
  render(styles, mix, favourites) {
    const ids = styles.map(({ id }) => id);
    for (const style of styles) if (!this.#cards.has(style.id)) this.#cards.set(style.id, this.#card(style));
    const shown = [...this.#list.children].map((card) => card.dataset.id);
    if (shown.join("\n") !== ids.join("\n")) this.#list.replaceChildren(...ids.map((id) => this.#cards.get(id)));
    const mixed = new Set(mix.map(({ id }) => id));
    for (const card of this.#list.children) {
      const { id } = card.dataset, is = mixed.has(id), many = is && mixed.size > 1;
      card.querySelector(".pick").setAttribute("aria-pressed", is);
      const plus = card.querySelector(".plus");
      Object.assign(plus, { textContent: many ? "−" : "+", ariaLabel: `${many ? "Take" : "Mix"} ${card.dataset.name} ${many ? "out of the mix" : "in"}` });
      plus.hidden = is && !many;
      card.querySelector(".star").setAttribute("aria-pressed", favourites.includes(id));
    }
    if (!ids.includes(this.#current)) this.#current = ids.find((id) => mixed.has(id)) ?? ids[0];
    this.#moveTo(this.#current);
    if (ids.includes(this.#sought)) {
      this.#cards.get(this.#sought).scrollIntoView({ block: "nearest" });
      this.#sought = null;
    }
  }

  // Scrolls to that style, as soon as it is there.
  reveal(id) { this.#sought = id; }

  // Forgets cards whose style is gone or another one.
  forget(id) { this.#cards.delete(id); }

  // Every style on the camera's picture of now.
  renew() {
    this.#camera++;
    for (const card of this.#cards.values()) this.#show(card.querySelector(".result"), card.dataset.id);
  }

  #show(image, id) {
    picture(image, `/api/styles/${id}/thumb.jpg`, this.#camera ? { of: "camera", v: this.#camera } : {});
  }

  #card({ id, name, source, builtin, painting }) {
    const text = styleName(name), make = (tag, parts) => Object.assign(document.createElement(tag), parts);
    const card = document.createElement("li");
    Object.assign(card.dataset, { id, name: text });
    const pick = make("button", { type: "button", className: "pick", title: source });
    const result = make("img", { className: "result", alt: "", loading: "lazy" });
    this.#show(result, id);
    pick.append(result);
    if (painting) {
      const source = make("img", { className: "source", alt: "", title: "The painting" });
      picture(source, `/api/styles/${id}/painting.jpg`);
      pick.append(source);
    }
    pick.append(make("span", { textContent: text }));
    const corner = (kind, textContent, ariaLabel, then) => make("button", { type: "button", className: `corner ${kind}`, textContent, ariaLabel, onclick: then });
    card.append(pick, corner("plus", "+", `Mix ${text} in`, () => this.#on.mix(id)), corner("star", "★", `${text} is a favourite`, () => this.#on.favour(id)));
    if (!builtin) card.append(corner("remove", "×", `Remove ${text}`, () => this.#on.remove(id)));
    this.#listen(pick, id);
    return card;
  }

  #listen(pick, id) {
    let timer, began = 0, long = false;
    const mix = () => { long = true; navigator.vibrate?.(20); this.#on.mix(id); };
    pick.onpointerdown = ({ button, pointerType, timeStamp }) => {
      [began, long] = [0, false];
      if (button || pointerType === "mouse") return;
      began = timeStamp;
      timer = setTimeout(mix, LONG_PRESS_MS);
    };
    pick.onpointercancel = pick.onpointerleave = () => clearTimeout(timer);
    pick.onpointerup = ({ timeStamp }) => {
      clearTimeout(timer);
      // On a busy machine the finger's end may come before the timer does.
      if (began && !long && timeStamp - began >= LONG_PRESS_MS) mix();
    };
    // The menu of a long press would hide what it did.
    pick.oncontextmenu = (event) => { if (began) event.preventDefault(); };
    pick.onclick = (event) => {
      if (long) { long = false; return; }
      if (event.shiftKey || event.ctrlKey || event.metaKey) this.#on.mix(id);
      else this.#on.choose(id);
    };
  }

  #moveTo(id) {
    if (id === undefined) return;
    this.#current = id;
    for (const card of this.#list.children) for (const button of card.children) button.tabIndex = card.dataset.id === id ? 0 : -1;
  }

  #key(event) {
    const card = event.target.closest("li"), { id } = card?.dataset ?? {};
    if (!card || event.ctrlKey || event.metaKey || event.altKey) return;
    const columns = getComputedStyle(this.#list).gridTemplateColumns.split(" ").length;
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    const other = { "+": () => this.#on.mix(id), "*": () => this.#on.favour(id), Delete: () => card.querySelector(".remove")?.click() }[event.key];
    if (!by && !other) return;
    event.preventDefault();
    event.stopPropagation();
    if (other) return other();
    const cards = [...this.#list.children];
    cards[cards.indexOf(card) + by]?.querySelector(".pick").focus();
  }
}
