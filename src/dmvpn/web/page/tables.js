/**
 * What a router knows at a moment, as tables.
 *
 * @typedef {import("./state.js").State} State
 * @typedef {import("./state.js").Entry} Entry
 */

import { clock, element } from "./dom.js";
import { inWords, ratesOf } from "./traffic.js";

/** Topics in the order of tables, with their headings. */
const TABLES = /** @type {const} */ ([
  ["mapping", "NHRP cache"],
  ["server", "Next hop servers that answer"],
  ["protection", "Security associations"],
  ["neighbor", "Routing neighbors"],
  ["interface", "Interfaces"],
  ["route", "Routes that changed"],
]);
/** Rows of one table. */
const MOST = 200;

/**
 * Return the tables of a router.
 * @param {State} state
 * @param {string} name
 * @param {number} time
 * @returns {HTMLElement[]}
 */
export function tables(state, name, time) {
  const router = state.routers.get(name);
  if (router === undefined) return [element("p", {}, "It has no events.")];
  if (!router.alive) return [element("p", { class: "bad" }, "It does not run.")];
  const found = TABLES.filter(([topic]) => router[topic].size > 0).map(([topic, heading]) => {
    const entries = [...router[topic].values()];
    const body = element("tbody", {}, ...entries.slice(0, MOST).map((entry) => row(state, entry)));
    const more = entries.length > MOST ? [element("caption", {}, `${entries.length}, the first ${MOST} are shown`)] : [];
    return element("section", {}, element("h3", {}, heading), element("table", {}, ...more, body));
  });
  return [...traffic(state, name, time), ...found];
}

/**
 * @param {State} state
 * @param {string} name
 * @param {number} time
 */
function traffic(state, name, time) {
  const some = ratesOf(state, name, time).slice(0, MOST);
  if (some.length === 0) return [];
  const rows = some.map(({ other, rate }) => {
    const [out, came] = [inWords(rate.out, rate.bits_out), inWords(rate.in, rate.bits_in)];
    const cells = [rate.nbma, other, `${out} out`, `${came} in`, short(rate.interface)];
    return element("tr", {}, ...cells.map((text) => element("td", {}, text)));
  });
  return [element("section", {}, element("h3", {}, "Traffic"), element("table", {}, element("tbody", {}, ...rows)))];
}

/**
 * @param {State} state
 * @param {Entry} entry
 */
function row(state, entry) {
  const owner = state.owners.get(entry.nextHop) ?? state.owners.get(entry.subject) ?? "";
  const cells = [entry.subject, owner, entry.text, short(entry.interface), clock(entry.since).slice(0, 8)];
  return element("tr", {}, ...cells.map((text) => element("td", {}, text)));
}

/** @param {string} name of an interface */
function short(name) {
  return name.replace("GigabitEthernet", "Gi").replace("Tunnel", "Tu").replace("Loopback", "Lo");
}
