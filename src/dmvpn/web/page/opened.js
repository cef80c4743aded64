/**
 * A step that is opened: what it is, its fields, what each field means, and the clause of the standard.
 *
 * @typedef {import("./film.js").Step} Step
 * @typedef {{what?: string, when?: string, next?: string, clause?: string}} Meaning
 * @typedef {Record<string, Meaning>} Meanings by protocol and word
 */

import { clock, element } from "./dom.js";

/** Octets of a line. */
const OF_LINE = 16;
/** What a change says, by name of the field. */
const NOTED = /** @type {const} */ ([
  ["Kind", "kind"],
  ["NBMA address", "nbma"],
  ["Next hop", "next_hop"],
  ["Interface", "interface"],
  ["Text", "text"],
]);

/**
 * Return the fields of a message, or of a change.
 * @param {Step} step
 * @returns {{name: string, value: string}[]}
 */
export function fields(step) {
  if (step.type === "arrow") {
    const lines = (step.contents ?? "").split("\n").filter((line) => line !== "");
    return lines.map((line) => {
      const at = line.indexOf(": ");
      return at < 0 ? { name: "", value: line } : { name: line.slice(0, at), value: line.slice(at + 2) };
    });
  }
  return NOTED.flatMap(([name, key]) => (step[key] ? [{ name, value: String(step[key]) }] : []));
}

/**
 * Return what a message, or one of its fields, means.
 * @param {Meanings} meanings
 * @param {Step} step
 * @param {string} word
 * @returns {Meaning}
 */
export function meaningOf(meanings, step, word) {
  return meanings[`${step.protocol} ${word.replace(/ (request|response)$/, "")}`] ?? {};
}

/**
 * Return the opened step.
 * @param {Step} step
 * @param {Meanings} meanings
 * @param {{choose: (router: string) => void, close: () => void}} doors choose: called with a router that is clicked
 * @returns {HTMLElement[]}
 */
export function opened(step, meanings, { choose, close }) {
  const isMessage = step.type === "arrow";
  if (step.type === "fault" || step.type === "violation") return judged(step, { choose, close });
  const title = isMessage ? `${step.protocol} ${step.name}` : `${step.topic} ${step.subject}`;
  const routers = isMessage ? [step.sender ?? "", step.receiver ?? ""] : [step.router ?? ""];
  const ends = routers.flatMap((name, place) => [place ? " to " : isMessage ? "from " : "at ", clickable(name, () => choose(name))]);
  const made = [
    element("h2", {}, title, " ", clickable("Close", close)),
    element("p", {}, ...ends, `, ${clock(step.time)} UTC${step.subject && isMessage ? `: ${step.subject}` : ""}`),
  ];
  if (isMessage) made.push(...about(step, meaningOf(meanings, step, step.name ?? "")));
  const found = fields(step);
  if (found.length > 0) {
    /** @type {Set<string>} a field that is there twice is explained once */
    const explained = new Set();
    const pairs = found.flatMap((field) => {
      const meaning = explained.has(field.name) ? {} : meaningOf(meanings, step, field.name);
      explained.add(field.name);
      return pair(field, meaning);
    });
    made.push(element("dl", {}, ...pairs));
  } else if (isMessage) {
    made.push(element("p", { class: "why" }, "Fields unknown: a router keeps only those of its last 256 messages."));
  }
  if (step.octets) made.push(dump(step.octets));
  return made;
}

/**
 * Return the octets of a message as text2pcap of Wireshark reads them, folded.
 * @param {string} digits hexadecimal
 */
function dump(digits) {
  const lines = (digits.match(/.{1,32}/g) ?? []).map((line, place) => {
    const number = (place * OF_LINE).toString(16).padStart(4, "0");
    return `${number}  ${(line.match(/../g) ?? []).join(" ")}`;
  });
  const title = element("summary", {}, `${digits.length / 2} octets`);
  return element("details", {}, title, element("pre", {}, lines.join("\n")));
}

/**
 * Return an opened fault or violation of a judged run.
 * @param {Step} step
 * @param {{choose: (router: string) => void, close: () => void}} doors
 */
function judged(step, { choose, close }) {
  const isFault = step.type === "fault";
  const places = isFault ? [step.router ?? "", step.other ?? ""].filter(Boolean) : [...new Set((step.path ?? []).flat())];
  const buttons = places.flatMap((name) => [" ", clickable(name, () => choose(name))]);
  return [
    element("h2", {}, isFault ? `Fault: ${step.kind}` : `Violation of “${step.name}”`, " ", clickable("Close", close)),
    element("p", isFault ? {} : { class: "bad" }, `${clock(step.time)} UTC: ${step.text}`),
    ...(buttons.length > 0 ? [element("p", {}, isFault ? "At" : "Path of the packet:", ...buttons)] : []),
  ];
}

/**
 * @param {Step} step
 * @param {Meaning} meaning
 */
function about(step, meaning) {
  const what = element("p", { class: "why" }, ...worded([meaning.what, meaning.when].filter(Boolean).join(" ")));
  if (meaning.clause) what.append(" ", clause(meaning.clause));
  if (step.absent) return [what, element("p", {}, `${step.receiver} was not up yet when it was sent.`)];
  const lost = "No router received this message: it was lost, or its receiver has forgotten it.";
  return [what, ...(step.lost ? [element("p", { class: "bad" }, lost)] : [])];
}

/**
 * @param {{name: string, value: string}} field
 * @param {Meaning} meaning
 */
function pair(field, meaning) {
  const meant = element("dd", { class: "why" }, ...worded(meaning.what ?? ""));
  if (meaning.clause) meant.append(" ", clause(meaning.clause));
  const value = element("code", {}, field.value);
  return [element("dt", {}, element("b", {}, field.name), " ", value), ...(meaning.what ? [meant] : [])];
}

/**
 * Return a text whose commands, in backticks, are set as such.
 * @param {string} text
 */
function worded(text) {
  return text.split("`").map((part, place) => (place % 2 ? element("code", {}, part) : part));
}

/** @param {string} text */
function clause(text) {
  return element("span", { class: "clause" }, text);
}

/**
 * @param {string} text
 * @param {() => void} act
 */
function clickable(text, act) {
  const button = element("button", { type: "button" }, text);
  button.addEventListener("click", act);
  return button;
}
