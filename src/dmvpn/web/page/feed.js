/**
 * Where a film comes from: the server of a lab that runs, a lab in this tab, or the page itself if a film was put into it.
 *
 * @typedef {import("./film.js").Stage} Stage
 * @typedef {import("./lines.js").News} News
 * @typedef {import("./lines.js").Gone} Gone
 * @typedef {News | {router: string, gone: true} | {holds: number, rates: import("./traffic.js").Rate[]}} Heard
 * @typedef {import("./opened.js").Meanings} Meanings
 * @typedef {object} Exported a film in a file
 * @property {Stage} stage
 * @property {(News|Gone)[]} news
 * @property {Meanings} [meanings]
 * @property {import("./film.js").Step[]} [steps] that no router reports: faults and violations of a judged run
 * @property {number} [begins] seconds since 1970: earlier news are only the state at that moment; without it: with the
 *   first step
 * @property {number} [ends] seconds since 1970; without it: with the last step
 * @property {string[]} [notes] what the film leaves out
 * @typedef {object} Door
 * @property {(path: string, options: RequestInit) => Promise<Response>} ask
 * @property {{name: string, story: string, seed: number|undefined, isExercise: boolean, buttons: HTMLElement[]}} [lab] the only
 *   one, which runs in this tab. story: what begins by itself; buttons: of the head
 */

import { kept } from "./dom.js";

/** Milliseconds until the next try after a connection was lost, and the longest such time. */
const RETRY = 500;
const LONGEST_RETRY = 8000;
/** Where the browser keeps the half of a session that no other port of this host gets. */
export const KEY = "dmvpn-session-key";
/** Statuses: there is no such lab; too many requests. */
const ABSENT = 404;
const BUSY = 429;

/** @type {Door} the server that sent the page */
const SERVER = {
  ask: (path, options) => {
    const headers = { ...options.headers, "X-Session-Key": kept(KEY) ?? "" };
    return fetch(at(path), { ...options, headers, credentials: "same-origin" });
  },
};
/** Who answers. */
export let door = SERVER;

/**
 * Let another one answer from now on.
 * @param {Door} other
 */
export function enterBy(other) {
  door = other;
}

/**
 * Return the address of a path of the server, which may serve below any folder.
 * @param {string} path begins with a slash
 */
export function at(path) {
  return new URL(`..${path}`, import.meta.url).href;
}

/** The server refused. */
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {string} detail
   */
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/**
 * Return the film that is part of this page, or null.
 * @returns {Exported|null}
 */
export function exported() {
  const text = document.getElementById("film")?.textContent ?? "";
  return text.trim() ? JSON.parse(text) : null;
}

/**
 * Return what messages and their fields mean: a film has it inside. Throws Refused.
 * @returns {Promise<Meanings>}
 */
export async function meanings() {
  const film = exported();
  return film === null ? (await ask("/api/v1/meanings")).json() : (film.meanings ?? {});
}

/**
 * Ask the server. Throws Refused.
 * @param {string} path
 * @param {RequestInit} options
 * @returns {Promise<Response>}
 */
export async function ask(path, options = {}) {
  const answer = await door.ask(path, options);
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw new Refused(answer.status, problem.detail ?? problem.title ?? answer.statusText);
  }
  return answer;
}

/**
 * Send the server an object as JSON. Throws Refused.
 * @param {string} path
 * @param {object} body
 * @param {RequestInit} options
 * @returns {Promise<Response>}
 */
export function post(path, body, options = {}) {
  const headers = { "Content-Type": "application/json" };
  return ask(path, { method: "POST", body: JSON.stringify(body), headers, ...options });
}

/**
 * Follow a lab until it ends. Connections that are lost are made again.
 * @param {string} path of the lab
 * @param {string} topics
 * @param {(news: Heard) => void} heard
 * @param {(connected: boolean, why: string) => void} changed
 */
export async function follow(path, topics, heard, changed) {
  let last = "";
  let patience = RETRY;
  for (;;) {
    try {
      /** @type {Record<string, string>} */
      const headers = last ? { "Last-Event-ID": last } : {};
      const answer = await ask(`${path}/events?topics=${topics}`, { headers });
      changed(true, "");
      patience = RETRY;
      for await (const event of events(answer)) {
        if (event.id) last = event.id;
        if (event.type === "ended" && !(await runs(path))) return;
        if (event.type === "news") heard(JSON.parse(event.data));
        if (event.type === "traffic") heard(JSON.parse(event.data));
        if (event.type === "gone") heard({ ...JSON.parse(event.data), gone: true });
      }
    } catch (error) {
      if (error instanceof Refused && error.status === ABSENT) return;
      if (error instanceof Refused && error.status < 500 && error.status !== BUSY) {
        changed(false, error.message);
        return new Promise(() => {});
      }
      changed(false, error instanceof Error ? error.message : String(error));
    }
    await pause(patience);
    patience = Math.min(LONGEST_RETRY, patience * 2);
  }
}

/**
 * Return whether a lab runs. Without an answer it is not known to have ended.
 * @param {string} path of the lab
 */
export function runs(path) {
  return ask(path).then(() => true, (error) => !(error instanceof Refused) || error.status !== ABSENT);
}

/** @param {number} milliseconds */
export function pause(milliseconds) {
  return new Promise((done) => setTimeout(done, milliseconds));
}

/**
 * Read server-sent events.
 * @param {Response} answer
 * @returns {AsyncGenerator<{id: string, type: string, data: string}>}
 */
export async function* events(answer) {
  if (answer.body === null) return;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop() ?? "";
    for (const part of parts) yield event(part);
  }
}

/** @param {string} text of one event */
export function event(text) {
  const made = { id: "", type: "message", data: "" };
  for (const line of text.split("\n")) {
    const [field, ...words] = line.split(": ");
    const value = words.join(": ");
    if (field === "id") made.id = value;
    if (field === "event") made.type = value;
    if (field === "data") made.data += value;
  }
  return made;
}
