// *Deepen*: the chosen style is trained on for its painting while the camera goes on. A line under the dials says how it stands, a ring on the
// style's card shows how far it is.

import { line } from "./deepening.js";
import { address, call, picture } from "./server.js";

const NAMES = {
  deepen: ["Deepen", "Train a network for this painting alone, on this computer"], on: ["Go on", "Go on learning"], stop: ["Stop", "Stop, and keep what is learned"],
  rest: ["Full speed", "Let the picture rest, so that learning has the whole machine"], paint: ["Paint on", "Paint again while it learns"],
  undo: ["Undo", "Back to the quick version"], save: ["Save", "Download the style's file"], picture: ["Add its picture", "Choose a picture of this painting"],
};
const ASKED = { deepen: { on: true }, on: { on: true }, stop: { on: false }, rest: { rest: true }, paint: { rest: false }, undo: { undo: true } };

export class Deepen {
  #place; #list; #on; #state = null; #shown = ""; #fresh = new Map(); #version = 0;

  // `on` has `fault(words)` and `picture()`, which asks for a picture.
  constructor(place, list, on) { [this.#place, this.#list, this.#on] = [place, list, on]; }

  // The whole state, and whether this page steers.
  render(state, steering) {
    this.#state = { state, steering };
    const news = line(state, steering);
    this.#place.hidden = !news;
    if (news) this.#line(news);
    this.#cards(state);
  }

  // What the server tells each second.
  progress(deepening) {
    if (!this.#state) return;
    this.#state.state.deepening = deepening;
    this.render(this.#state.state, this.#state.steering);
  }

  #line({ id, title, words, hint, part, phase, buttons }) {
    const [name, text, more, row] = this.#parts();
    name.textContent = title;
    text.textContent = words;
    more.textContent = hint;
    more.hidden = !hint;
    this.#place.dataset.phase = phase;
    this.#place.style.setProperty("--part", part ?? 0);
    this.#place.title = phase === "learning" ? "It learns on frames of this camera. They stay in this computer's memory and are never written." : "";
    const key = `${id} ${buttons.join()}`;
    if (key === this.#shown) return;
    this.#shown = key;
    const focused = row.contains(document.activeElement);
    row.replaceChildren(...buttons.map((button) => this.#button(button, id)));
    if (focused) row.firstElementChild?.focus();
  }

  // Name, words, hint and the place of the buttons, made once.
  #parts() {
    if (!this.#place.firstElementChild) {
      const make = (tag, className) => Object.assign(document.createElement(tag), { className });
      const words = make("p", "words"), private_ = make("p", "hint private");
      words.append(make("b", "name"), make("span", "text"));
      private_.textContent = "Learns on this camera's frames: kept in memory only, never written.";
      this.#place.append(make("i", "ring"), words, make("span", "row"), make("p", "hint more"), private_);
    }
    return [".name", ".text", ".more", ".row"].map((part) => this.#place.querySelector(part));
  }

  #button(name, id) {
    const [textContent, title] = NAMES[name];
    if (name === "save") {
      return Object.assign(document.createElement("a"), { className: "button", textContent, title, download: "", href: address(`/api/styles/${id}/file.style`) });
    }
    const button = Object.assign(document.createElement("button"), { type: "button", textContent, title });
    button.dataset.do = name;
    button.onclick = () => (name === "picture" ? this.#on.picture() : this.#ask(id, ASKED[name]));
    return button;
  }

  async #ask(id, what) {
    await call("POST", `/api/styles/${id}/deepen`, JSON.stringify(what)).catch((why) => this.#on.fault(why.message));
  }

  // Rings on the cards; a card whose style has changed shows a new picture.
  #cards({ deepening, styles }) {
    if (!deepening) return;
    for (const { id, deepened } of styles) {
      const card = this.#list.querySelector(`li[data-id="${CSS.escape(id)}"]`), status = deepening.styles[id];
      if (!card) continue;
      const phase = status?.phase ?? (deepened ? "done" : "quick"), before = this.#fresh.get(id);
      card.dataset.deepen = phase;
      card.style.setProperty("--part", status?.part ?? 0);
      this.#fresh.set(id, phase);
      if (before === undefined || before === phase || phase === "learning") continue;
      picture(card.querySelector(".result"), `/api/styles/${id}/thumb.jpg`, { of: "camera", v: `d${++this.#version}` });
    }
  }
}
