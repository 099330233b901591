// Words about deepening: plain functions over what the server tells.

import { styleName } from "./words.js";

// What the line shows, from what the server tells: the style's id, words, and the names of the buttons.
export function line(state, steering) {
  const { deepening, settings, styles, camera, recording } = state;
  if (!deepening?.offered || !settings) return null;
  const of = (id) => styles.find((style) => style.id === id);
  const chosen = settings.styles.length === 1 ? of(settings.styles[0].id) : undefined;
  const running = of(deepening.current);
  // Another style may be looked at while one learns: then the line is about the chosen one, and the ring stays where it is.
  const style = chosen ?? running;
  if (!style || camera?.paints) return null;
  const status = deepening.styles[style.id] ?? { phase: "quick", part: 0 };
  return { id: style.id, title: styleName(style.name), ...told(style, status, { recording, steering }) };
}

function told(style, status, { recording, steering }) {
  const { phase, part } = status, buttons = [], can = style.deepens, deepened = style.deepened || status.deepened;
  let words = "", hint = "";
  if (phase === "learning") {
    words = `Learning · ${Math.round(100 * part)} %${left(status.seconds_left)}`;
    hint = status.rest ? "The picture rests, so that learning has the whole machine."
      : status.slow ? "This machine has little to spare while it paints. At full speed the picture rests." : "";
    buttons.push("stop");
    if (status.rest) buttons.push("paint");
    else if (!recording) buttons.push("rest");
  } else if (phase === "stopped") {
    words = `Stopped at ${Math.round(100 * part)} %`;
    buttons.push("on");
  } else if (phase === "failed") {
    words = "Not deepened";
    hint = status.error ?? "";
    buttons.push("deepen");
  } else if (phase === "done") {
    words = "By a network of its own";
  } else if (can) {
    words = style.tuned ? "By a network of its own" : "By the network for any style";
    buttons.push("deepen");
  } else if (style.tuned) {
    words = "By a network of its own";
  } else {
    words = "By the network for any style";
    hint = "To deepen it, add a picture of the painting.";
    buttons.push("picture");
  }
  if (deepened) buttons.push("undo");
  if (phase !== "learning" && (deepened || style.tuned)) buttons.push("save");
  return { phase, part, words, hint, buttons: steering ? buttons : buttons.filter((name) => name === "save") };
}

// `, about 3 min left`, where it is known.
export function left(seconds) {
  if (seconds == null) return "";
  if (seconds < 60) return " · under a minute left";
  if (seconds > 5400) return ` · about ${Math.round(seconds / 3600)} h left`;
  return ` · about ${Math.round(seconds / 60)} min left`;
}
