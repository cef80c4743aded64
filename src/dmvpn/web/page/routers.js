/**
 * The routers and hosts as a list, for the keyboard and for screen readers, and the search in it.
 *
 * @typedef {import("./film.js").Stage} Stage
 */

import { byId, element } from "./dom.js";
import { LEGEND } from "./map.js";
import { isRouter } from "./state.js";

/** Routers that are listed at most. */
const MOST = 300;

/**
 * Return the nodes whose name or address has a text; null: the text is empty, so nothing is looked for.
 * @param {Stage} stage
 * @param {string} text
 * @returns {Set<string>|null}
 */
export function searched(stage, text) {
  const wanted = text.trim().toLowerCase();
  if (wanted === "") return null;
  const nodes = stage.nodes.filter((node) =>
    [node.name, ...node.addresses].some((word) => word.toLowerCase().includes(wanted)),
  );
  return new Set(nodes.map((node) => node.name));
}

/**
 * Return the routers whose tunnels are in a condition; null: "", so any.
 * @param {Stage} stage
 * @param {import("./state.js").Tunnel[]} tunnels of the moment
 * @param {string} condition direct, broken, registered, or unregistered: a client that no server answers
 * @returns {Set<string>|null}
 */
export function inCondition(stage, tunnels, condition) {
  if (condition === "") return null;
  if (condition !== "unregistered") {
    return new Set(tunnels.filter((tunnel) => tunnel.condition === condition).flatMap(({ here, there }) => [here, there]));
  }
  const good = new Set(tunnels.filter((tunnel) => tunnel.condition === "registered").map((tunnel) => tunnel.here));
  return new Set(stage.tunnels.map((tunnel) => tunnel.here).filter((name) => !good.has(name)));
}

/**
 * Return what is in both sets; null stands for everything.
 * @param {Set<string>|null} one
 * @param {Set<string>|null} other
 * @returns {Set<string>|null}
 */
export function both(one, other) {
  if (one === null || other === null) return one ?? other;
  return new Set([...one].filter((name) => other.has(name)));
}

/**
 * Put the list on the screen.
 * @param {Stage} stage
 * @param {Set<string>|null} found by a search; null: no search
 * @param {(router: string) => void} choose
 */
export function list(stage, found, choose) {
  const some = found === null ? stage.nodes : stage.nodes.filter((node) => found.has(node.name));
  const routers = [...some.filter(isRouter), ...some.filter((node) => node.kind === "host")];
  const rows = routers.slice(0, MOST).map((node) => {
    const button = element("button", { type: "button" }, node.name);
    button.addEventListener("click", () => choose(node.name));
    return element("li", { class: node.kind }, button);
  });
  const rest = routers.length - MOST;
  if (rest > 0) rows.push(element("li", { class: "hint" }, `and ${rest} more: use the search`));
  if (routers.length === 0) rows.push(element("li", { class: "hint" }, "No router or host matches."));
  byId("routers").replaceChildren(...rows);
}

/** Put the legend of the map on the screen. */
export function legend() {
  byId("legend").replaceChildren(
    ...LEGEND.map((look) => {
      const line = element("i", { class: `sample ${look.color}` }, look.letter);
      return element("li", {}, line, look.text);
    }),
  );
}
