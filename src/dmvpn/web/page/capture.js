/**
 * The capture of a wire: the packets at one of its ends as a file for Wireshark, while they pass.
 */

import { element, plain, save } from "./dom.js";
import { ask } from "./feed.js";

/** Seconds of a capture: usually, and at most. */
const USUAL = 30;
const MOST = 300;
/** Octets of the header of a file, and of each packet in it; there the place of the packet's length. */
const HEAD = 24;
const RECORD = 16;
const LENGTH = 8;
const KIB = 1024;

/**
 * Return the form. A capture goes on while another wire is shown.
 * @param {string} path of the lab in the API
 * @param {string[]} ends of the wire at the server, NODE:INTERFACE
 * @param {boolean} mayHaveKeys
 */
export function capturing(path, ends, mayHaveKeys) {
  const at = /** @type {HTMLSelectElement} */ (element("select", { name: "at" }, ...ends.map((end) => element("option", {}, end))));
  const seconds = /** @type {HTMLInputElement} */ (
    element("input", { type: "number", min: "1", max: String(MOST), value: String(USUAL), name: "seconds", required: "" })
  );
  const keys = /** @type {HTMLInputElement} */ (element("input", { type: "checkbox", name: "keys" }));
  const go = element("button", {}, "Capture");
  const said = element("p", { role: "status", class: "captured" });
  const form = element("form", { class: "impair" }, element("label", {}, "capture at", at), element("label", {}, "seconds", seconds));
  if (mayHaveKeys) form.append(element("label", { class: "check" }, keys, " with the keys of ESP"));
  form.append(go, said);
  /** @type {AbortController|null} */
  let running = null;

  async function run() {
    const stop = new AbortController();
    running = stop;
    go.textContent = keys.checked ? "Break off" : "Stop";
    said.className = "captured";
    said.textContent = keys.checked ? "Capturing. The file comes at the end." : "Capturing.";
    try {
      const place = `${path}/links/${encodeURIComponent(at.value.replaceAll("/", "-"))}/capture?seconds=${seconds.value}&keys=${keys.checked}`;
      const answer = await ask(place, { signal: stop.signal });
      const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? "capture.pcap";
      const found = await taken(answer, (octets) => {
        said.textContent = `Capturing: ${Math.ceil(octets / KIB)} KiB.`;
      });
      const { packets, end } = whole(found);
      said.textContent = keys.checked ? `Saved ${plain(name)}.` : `Saved ${plain(name)}: ${packets} packets.`;
      save(new Blob([found.slice(0, end || undefined)]), name);
    } catch (error) {
      const isBrokenOff = stop.signal.aborted;
      said.className = isBrokenOff ? "captured" : "bad captured";
      said.textContent = isBrokenOff ? "Broken off." : error instanceof Error ? error.message : String(error);
    }
    running = null;
    go.textContent = "Capture";
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (running === null) run();
    else running.abort();
  });
  return form;
}

/**
 * Return an answer as far as it came: all of it, or what had come before the reader stopped it.
 * @param {Response} answer
 * @param {(octets: number) => void} heard is called with how many have come
 */
async function taken(answer, heard) {
  /** @type {Uint8Array[]} */
  const pieces = [];
  const reader = /** @type {ReadableStream<Uint8Array>} */ (answer.body).getReader();
  for (let octets = 0; ; heard(octets)) {
    const { done, value } = await reader.read().catch((error) => {
      if (octets > 0 && error.name === "AbortError") return { done: true, value: undefined };
      throw error;
    });
    if (done || value === undefined) return new Uint8Array(await new Blob(pieces).arrayBuffer());
    pieces.push(value);
    octets += value.length;
  }
}

/**
 * Return how many whole packets a file has, and where the last one ends; 0: it is another file.
 * @param {Uint8Array} octets
 */
export function whole(octets) {
  const view = new DataView(octets.buffer);
  if (octets.length < HEAD || view.getUint32(0, true) !== 0xa1b2c3d4) return { packets: 0, end: 0 };
  let [packets, end] = [0, HEAD];
  while (end + RECORD <= octets.length) {
    const next = end + RECORD + view.getUint32(end + LENGTH, true);
    if (next > octets.length) break;
    [packets, end] = [packets + 1, next];
  }
  return { packets, end };
}
