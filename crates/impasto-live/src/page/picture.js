// The painting's place on the page, and the line between camera and painting.

// The picture of `width` x `height` px as large as it fits into a box, in the box's middle.
export function contained(box, width, height) {
  const scale = Math.min(box.width / width, box.height / height);
  const inner = { width: width * scale, height: height * scale };
  return { left: (box.width - inner.width) / 2, top: (box.height - inner.height) / 2, ...inner };
}

const within = (value) => Math.min(0.98, Math.max(0.02, value));

export class Divider {
  #line; #frame; #canvas; #at = 0; #change;

  // `change(share)` is called when the line is moved by hand.
  constructor(line, frame, canvas, change) {
    [this.#line, this.#frame, this.#canvas, this.#change] = [line, frame, canvas, change];
    line.onpointerdown = ({ pointerId }) => { line.setPointerCapture(pointerId); line.onpointermove = (event) => this.#move(event); };
    line.onpointerup = line.onpointercancel = () => { line.onpointermove = null; };
    line.onkeydown = ({ key }) => {
      const by = { ArrowLeft: -0.02, ArrowRight: 0.02 }[key];
      if (by) this.#moved(this.#at + by);
    };
  }

  // At that share of the picture; 0 hides it.
  place(share) {
    this.#at = share;
    this.#line.hidden = !share;
    this.#frame.style.setProperty("--shape", `${this.#canvas.width} / ${this.#canvas.height}`);
    if (!share) return;
    const { left, top, width, height } = contained(this.#frame.getBoundingClientRect(), this.#canvas.width, this.#canvas.height);
    Object.assign(this.#line.style, { left: `${left + width * share}px`, top: `${top}px`, height: `${height}px` });
    this.#line.setAttribute("aria-valuenow", Math.round(100 * share));
  }

  #move(event) {
    const box = this.#frame.getBoundingClientRect();
    const { left, width } = contained(box, this.#canvas.width, this.#canvas.height);
    this.#moved((event.clientX - box.left - left) / width);
  }

  #moved(share) {
    this.place(within(share));
    this.#change(this.#at);
  }
}
