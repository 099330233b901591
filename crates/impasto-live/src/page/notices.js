// Short messages above the painting, one for each subject; each can be put away.

const texts = new Map(), timers = new Map();
// What was put away is not said again until it is over.
const dismissed = new Map();

// Says `text` about `subject`, for five seconds or for as long as it lasts; an empty text ends it.
export function tell(subject, text, lasting = false) {
  if (!text) dismissed.delete(subject);
  if (text && dismissed.get(subject) === text) return;
  if ((texts.get(subject) ?? "") !== (text || "")) {
    if (text) texts.set(subject, text);
    else texts.delete(subject);
    render();
  }
  clearTimeout(timers.get(subject));
  if (text && !lasting) timers.set(subject, setTimeout(() => tell(subject, ""), 5000));
}

function render() {
  const place = document.getElementById("notices");
  place?.replaceChildren(...[...texts].map(([subject, text]) => {
    const line = document.createElement("p");
    line.dataset.subject = subject;
    const close = Object.assign(document.createElement("button"), { textContent: "×", ariaLabel: "Put away", type: "button" });
    close.onclick = () => { dismissed.set(subject, text); texts.delete(subject); render(); };
    line.append(text, close);
    return line;
  }));
}
