/**
 * The ladder: what happened until a moment, newest last. Each row has a line for each router that takes part.
 *
 * @typedef {import("./film.js").Step} Step
 */

import { clock, cut, drawn, element, plain } from "./dom.js";

/** Rows, and columns for routers. */
export const ROWS = 120;
const COLUMNS = 8;
/** Characters of a sentence. */
const LONGEST = 400;
/** Pixels of a column: many columns are narrow, so that a sentence has room beside them. */
const WIDEST = 76;
const NARROWEST = 28;
/** The part of the ladder that columns may have, and pixels that are left for the time where a sentence is below them. */
const OF_ALL = 0.5;
const NARROW = 672;
const TIME = 110;
/** The part of a cut name that is its beginning: the first with which all names differ. */
const SHARES = [0.5, 0.7, 1, 0.3, 0];
/** Pixels between two names. */
const GAP = 6;
const HEIGHT = 22;

/**
 * Return the last steps until a moment that are shown.
 * @param {Step[]} steps all
 * @param {number} count how many of them have happened
 * @param {{router: string, routes: boolean, fits?: (step: Step) => boolean}} wish router: only what it takes part in, "": all
 * @returns {Step[]}
 */
export function visible(steps, count, wish) {
  /** @type {Step[]} */
  const found = [];
  for (let place = count - 1; place >= 0 && found.length < ROWS; place -= 1) {
    const step = steps[place];
    if (step.type === "addresses" || step.type === "traffic" || (step.topic === "route" && !wish.routes)) continue;
    const isWanted = wish.router === "" || step.type === "violation" || speakers(step).includes(wish.router);
    if (isWanted && (wish.fits?.(step) ?? true)) found.push(step);
  }
  return found.reverse();
}

/**
 * Return the routers that have a column: those of the newest steps.
 * @param {Step[]} steps that are visible
 * @returns {string[]}
 */
export function columns(steps) {
  /** @type {Set<string>} */
  const found = new Set();
  for (let place = steps.length - 1; place >= 0; place -= 1) {
    for (const name of speakers(steps[place])) if (found.size < COLUMNS) found.add(name);
  }
  return [...found].sort((one, other) => (one < other ? -1 : 1));
}

/**
 * Return a step as a sentence, for eyes and for screen readers.
 * @param {Step} step
 */
export function sentence(step) {
  if (step.type === "arrow") {
    const way = step.forwarded ? "forwards to" : "sends to";
    const subject = step.subject ? ` (${step.subject})` : "";
    const fate = step.lost ? ", lost" : step.absent ? `; ${step.receiver} was not up yet` : "";
    return `${step.sender} ${way} ${step.receiver}: ${step.protocol} ${step.name}${subject}${fate}`;
  }
  if (step.type === "fault") return `${step.sign === "-" ? "Fault over" : "Fault"}: ${step.text}`;
  if (step.type === "violation") return `Violation of “${step.name}”: ${step.text}`;
  const sign = { "+": "new", "~": "changed", "-": "gone" }[step.sign ?? "~"];
  return `${step.router}: ${step.topic} ${step.subject} ${sign}${step.text ? `, ${step.text}` : ""}`;
}

/**
 * Return the rows. A row that looks as before is the same element.
 * @param {Step[]} steps that are visible
 * @param {object} story
 * @param {(step: Step) => void} story.open called with the step that is clicked
 * @param {Step|null} story.opened
 * @param {Step[]} story.cause the steps that are followed; empty: none
 * @param {number} story.room pixels of the ladder
 * @param {WeakMap<Step, {look: string, row: HTMLElement}>} story.made the rows that were made before
 * @returns {HTMLElement[]}
 */
export function rows(steps, { open, opened, cause, room, made }) {
  if (steps.length === 0) return [element("li", { class: "hint nothing" }, "No events yet.")];
  const names = columns(steps);
  const all = room < NARROW ? room - TIME : room * OF_ALL;
  const width = Math.max(NARROWEST, Math.min(WIDEST, Math.floor(all / names.length)));
  const head = element("li", { class: "head", "aria-hidden": "true" }, element("span", {}, "time (UTC)"), heads(names, width));
  const arrows = cause.filter((step) => step.type === "arrow");
  return [
    head,
    ...steps.map((step) => {
      const [number, said] = [arrows.indexOf(step) + 1, brief(sentence(step))];
      const part = cause.length === 0 ? "" : cause.includes(step) ? " linked" : " unlinked";
      const look = JSON.stringify([names, width, number, said, part, step === opened, step.sign]);
      const before = made.get(step);
      if (before?.look === look) return before.row;
      const text = element("span", { class: "sentence" }, ...(number ? [element("b", {}, `${number} `)] : []), said);
      const button = element("button", { type: "button", class: `step ${step.type}${part}`, "data-step": nameOf(step) });
      button.setAttribute("aria-pressed", String(step === opened));
      button.append(element("time", {}, clock(step.time)), drawing(step, names, width), text);
      button.addEventListener("click", () => open(step));
      const row = element("li", {}, button);
      made.set(step, { look, row });
      return row;
    }),
  ];
}

/**
 * Return a sentence for a row: the rest of a very long one is in the opened step.
 * @param {string} text
 */
function brief(text) {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

/**
 * Return a name by which a step is found again.
 * @param {Step} step
 */
function nameOf(step) {
  return [step.time, step.router ?? step.sender, step.name ?? step.topic ?? step.kind, step.subject].join(" ");
}

/** @param {Step} step */
export function speakers(step) {
  if (step.type === "fault") return [step.router ?? "", step.other ?? ""].filter(Boolean);
  if (step.type === "violation") return (step.path ?? []).flat();
  return step.type === "arrow" ? [step.sender ?? "", step.receiver ?? ""] : [step.router ?? ""];
}

/**
 * @param {string[]} names
 * @param {number} width of a column
 */
function heads(names, width) {
  const made = drawn("svg", { width: names.length * width, height: HEIGHT });
  const ways = SHARES.map((share) => names.map((name) => fitting(name, width - GAP, share)));
  const fitted = ways.find((texts) => new Set(texts).size === names.length) ?? ways[0];
  names.forEach((name, index) => {
    const text = drawn("text", { x: (index + 0.5) * width, y: 15, "text-anchor": "middle" });
    const whole = drawn("title", {});
    whole.textContent = plain(name);
    text.append(fitted[index], whole);
    made.append(text);
  });
  return made;
}

/** @type {CanvasRenderingContext2D|null} */
let measuring = null;

/**
 * Return a name without its middle, as far as it must be cut.
 * @param {string} name
 * @param {number} width pixels
 * @param {number} share of its beginning
 */
function fitting(name, width, share) {
  measuring ??= document.createElement("canvas").getContext("2d");
  if (measuring !== null) measuring.font = "12.8px system-ui, sans-serif";
  let most = Math.min([...name].length, Math.ceil(width)); // more would be narrower than a pixel each
  while (most > 2 && (measuring?.measureText(plain(cut(name, most, share))).width ?? 0) > width) most -= 1;
  return plain(cut(name, most, share));
}

/**
 * @param {Step} step
 * @param {string[]} names
 * @param {number} width of a column
 */
function drawing(step, names, width) {
  const made = drawn("svg", { width: names.length * width, "aria-hidden": "true" });
  const place = (/** @type {string|undefined} */ name) => (names.indexOf(name ?? "") + 0.5) * width;
  names.forEach((_, index) => {
    const x = (index + 0.5) * width;
    made.append(drawn("line", { x1: x, x2: x, y1: 0, y2: "100%", class: "life" }));
  });
  const middle = HEIGHT / 2;
  if (step.type === "arrow" && names.includes(step.sender ?? "") && names.includes(step.receiver ?? "")) {
    const [from, to] = [place(step.sender), place(step.receiver)];
    const ahead = to > from ? 1 : -1;
    const end = step.lost || step.absent ? from + (to - from) * 0.6 : to;
    const look = step.lost ? "lost" : step.absent ? "absent" : `message ${(step.protocol ?? "").slice(0, 3).toLowerCase()}`;
    made.append(drawn("line", { x1: from, x2: end, y1: middle, y2: middle, class: look }));
    made.append(drawn("path", { d: `M${end - ahead * 7},${middle - 4} L${end},${middle} L${end - ahead * 7},${middle + 4}`, class: look }));
  } else if (step.type === "violation") {
    for (const [from, to] of (step.path ?? []).filter((leg) => leg.every((name) => names.includes(name)))) {
      made.append(drawn("line", { x1: place(from), x2: place(to), y1: middle, y2: middle, class: "lost" }));
    }
    const last = speakers(step).pop();
    if (names.includes(last ?? "")) made.append(written("×", place(last), "sign violated"));
  } else if (step.type === "fault") {
    const sign = step.sign === "-" ? "✓" : "⚡";
    for (const name of speakers(step)) if (names.includes(name)) made.append(written(sign, place(name), "sign faulty"));
  } else if (step.type === "note" && names.includes(step.router ?? "")) {
    made.append(written(step.sign ?? "", place(step.router), "sign"));
  }
  return made;
}

/**
 * @param {string} letters
 * @param {number} x their middle
 * @param {string} look
 */
function written(letters, x, look) {
  const text = drawn("text", { x, y: 16, "text-anchor": "middle", class: look });
  text.textContent = letters;
  return text;
}
