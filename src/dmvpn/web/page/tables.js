/**
 * What a router knows at a moment, as tables.
 *
 * @typedef {import("./state.js").State} State
 * @typedef {import("./state.js").Entry} Entry
 */

import { clock, cut, element, plain } from "./dom.js";
import { keyOf } from "./state.js";
import { kbit, ratesOf } from "./traffic.js";

/** Topics in the order of tables, with their headings. */
const TABLES = /** @type {const} */ ([
  ["mapping", "NHRP cache"],
  ["server", "Next hop servers that respond"],
  ["protection", "Security associations"],
  ["neighbor", "Routing neighbors"],
  ["interface", "Interfaces"],
  ["route", "Routes that changed"],
]);
/** Rows of one table. */
const MOST = 200;
/** Characters of a name or an address: one of IPv6 with its length fits. */
const LONGEST = 43;

/**
 * Return the tables of a router.
 * @param {State} state
 * @param {string} name
 * @param {number} time
 * @returns {HTMLElement[]}
 */
export function tables(state, name, time) {
  const router = state.routers.get(name);
  if (router === undefined) return [element("p", {}, "No events from this router.")];
  if (!router.alive) return [element("p", { class: "bad" }, "This router is not running.")];
  const found = TABLES.filter(([topic]) => router[topic].size > 0).map(([topic, heading]) => {
    const entries = [...router[topic].values()];
    const body = element("tbody", {}, ...entries.slice(0, MOST).map((entry) => row(state, router, entry)));
    const more = entries.length > MOST ? [element("caption", {}, `first ${MOST} of ${entries.length}`)] : [];
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
  const rows = some.flatMap(({ other, rate }) =>
    [
      ["out", String(rate.out), kbit(rate.bits_out)],
      ["in", String(rate.in), kbit(rate.bits_in)],
    ].map((numbers) => {
      return element("tr", {}, ...[rate.nbma, other, ...numbers, short(rate.interface)].map(cell));
    }),
  );
  const headings = ["peer", "", "", "packets/s", "kbit/s", ""].map((text) =>
    text ? element("th", { scope: "col" }, text) : element("td"),
  );
  const table = element("table", {}, element("thead", {}, element("tr", {}, ...headings)), element("tbody", {}, ...rows));
  return [element("section", { class: "traffic" }, element("h3", {}, "Traffic"), table)];
}

/**
 * @param {State} state
 * @param {import("./state.js").RouterState} router
 * @param {Entry} entry
 */
function row(state, router, entry) {
  // Of a link-local address the NHRP cache knows the NBMA address.
  const nbma = entry.nbma || router.mapping.get(keyOf(entry.interface, entry.subject))?.nbma || "";
  const { owners } = state;
  const owner = owners.get(entry.nextHop) ?? owners.get(entry.subject) ?? owners.get(nbma) ?? "";
  const words = element("td", { class: "words" }, entry.text);
  return element("tr", {}, cell(entry.subject), cell(owner), words, cell(short(entry.interface)), cell(clock(entry.since).slice(0, 8)));
}

/**
 * Return the cell of a name or an address: it is not broken, and a very long one lacks its middle.
 * @param {string} text
 */
function cell(text) {
  const shown = cut(text, LONGEST);
  return element("td", shown === text ? {} : { title: plain(text) }, shown);
}

/** @param {string} name of an interface */
function short(name) {
  return name.replace("GigabitEthernet", "Gi").replace("Tunnel", "Tu").replace("Loopback", "Lo");
}
