/**
 * The first visit: a button sends a ping between two sites, and a text says what to watch.
 *
 * @typedef {import("./film.js").Stage} Stage
 * @typedef {import("./film.js").StageNode} StageNode
 */

import { byId, element, keep, kept } from "./dom.js";
import { ended } from "./jobs.js";

const SEEN = "dmvpn-seen";

/**
 * Return two hosts behind different spokes, or null.
 * @param {Stage} stage
 * @returns {[StageNode, StageNode]|null}
 */
export function pairToPing(stage) {
  const spokes = new Set(stage.nodes.filter(({ kind }) => kind === "spoke").map(({ name }) => name));
  /** @type {Map<string, StageNode>} */
  const found = new Map();
  for (const node of stage.nodes) {
    if (node.kind !== "host" || node.addresses.length === 0) continue;
    const beside = stage.wires.map((wire) => wire.ends.map(([name]) => name)).filter((names) => names.includes(node.name));
    const spoke = beside.flat().find((name) => spokes.has(name));
    if (spoke !== undefined && !found.has(spoke)) found.set(spoke, node);
  }
  const [from, to] = found.values();
  return to === undefined ? null : [from, to];
}

/**
 * Begin what a link to a lab in this tab wants. Throws Refused.
 * @param {{story: string, seed: number|undefined}} wanted
 * @param {string} path of the lab
 * @param {Stage} stage
 * @param {(host: string, address: string) => void} ping
 */
export async function begin({ story, seed }, path, stage, ping) {
  const pair = pairToPing(stage);
  if (story === "shortcut" && pair !== null) ping(pair[0].name, pair[1].addresses[0]);
  if (story === "fault") await ended(path, "break", seed === undefined ? {} : { seed });
}

/**
 * Guide a user at the first visit.
 * @param {Stage} stage
 * @param {(host: string, address: string) => void} ping
 */
export function welcome(stage, ping) {
  const pair = pairToPing(stage);
  if (pair === null || kept(SEEN) !== null) return;
  const [from, to] = pair;
  const box = byId("welcome");
  const text = element("p", {}, "New here? Send a ping between two sites, and watch the routers build a direct tunnel.");
  const go = element("button", { type: "button", class: "main" }, `Ping from ${from.name} to ${to.name}`);
  const leave = element("button", { type: "button" }, "Not now");
  go.addEventListener("click", () => {
    keep(SEEN, "yes");
    text.textContent =
      "The first packets go through the hub, along the blue lines. The hub sends a redirect, the spokes resolve each other's " +
      "address by NHRP, and a green line appears: the direct tunnel. Click a row of the ladder to read its message.";
    go.remove();
    leave.textContent = "Close";
    ping(from.name, to.addresses[0]);
  });
  leave.addEventListener("click", () => {
    keep(SEEN, "yes");
    box.hidden = true;
  });
  box.replaceChildren(text, element("p", {}, go, " ", leave));
  box.hidden = false;
}
