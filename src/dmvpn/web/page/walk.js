/**
 * The path of one packet and of its answer, as the routers would forward them now: on the map, and hop by hop.
 *
 * @typedef {import("./tools.js").Desk} Desk
 * @typedef {import("./overlay.js").Leg} Leg
 * @typedef {{where: string, act: string, what: string, because: string, depth: number, octets: number,
 *   left: number|null, clause: string}} WalkStep
 * @typedef {{steps: WalkStep[]}} Way
 * @typedef {{forth: Way, back: Way|null}} Walked
 */

import { element } from "./dom.js";
import { ended, progress } from "./jobs.js";

/** Octets of an ordinary packet. */
const USUAL = 100;

/**
 * Ask for the ends of a walk.
 * @param {Desk} desk
 */
export function walk(desk) {
  const names = element("datalist", { id: "nodes" });
  for (const node of desk.stage.nodes) {
    // A name stands for its address of IPv4 if it has both versions, so addresses are on the list, too.
    const addresses = node.addresses.map((address) => element("option", { value: address }, node.name));
    names.append(element("option", { value: node.name }), ...addresses);
  }
  const hosts = desk.stage.nodes.filter((node) => node.kind === "host").map((node) => node.name);
  const [from, to] = [input("from", hosts[1] ?? hosts[0] ?? ""), input("to", hosts[2] ?? hosts[0] ?? "")];
  const size = /** @type {HTMLInputElement} */ (
    element("input", { type: "number", min: "28", max: "65535", value: String(USUAL), "aria-label": "octets" })
  );
  const df = /** @type {HTMLInputElement} */ (element("input", { type: "checkbox" }));
  const form = element("form", {}, "From ", from, " to ", to, names, " ", size, " octets ");
  form.append(element("label", {}, df, " don't fragment (DF)"), " ", element("button", {}, "Walk"));
  const found = element("div");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { shown, report } = progress("The packet is on its way:");
    found.replaceChildren(shown);
    const wanted = { source: from.value, destination: to.value, size: Number(size.value), df: df.checked };
    ended(desk.path, "walk", wanted, { report }).then(
      (job) => present(desk, found, /** @type {Walked} */ (job.result)),
      (error) => found.replaceChildren(element("p", { class: "bad" }, error.message)),
    );
  });
  desk.show(form, found);
}

/**
 * @param {string} label
 * @param {string} value
 */
function input(label, value) {
  return /** @type {HTMLInputElement} */ (
    element("input", { "aria-label": label, value, list: "nodes", required: "", size: "12" })
  );
}

/**
 * @param {Desk} desk
 * @param {HTMLElement} found
 * @param {Walked} walked
 */
function present(desk, found, walked) {
  const ways = [{ title: "Forward", color: "direct", way: walked.forth }];
  if (walked.back) ways.push({ title: "Return", color: "message", way: walked.back });
  desk.put({
    legs: ways.flatMap(({ way, color }) => legs(way.steps, color)),
    marks: ways.flatMap(({ way }) => ends(way.steps)),
  });
  found.replaceChildren(...ways.flatMap(({ title, way }) => [element("h3", {}, title), table(desk, way.steps)]));
}

/**
 * Return the parts of a way between two nodes.
 * @param {WalkStep[]} steps
 * @param {string} color
 * @returns {Leg[]}
 */
export function legs(steps, color) {
  const nodes = steps.map((step) => step.where).filter((where, place, all) => where !== all[place - 1]);
  return nodes.slice(1).map((to, place) => ({ from: nodes[place], to, color }));
}

/**
 * Return a mark where a packet is lost.
 * @param {WalkStep[]} steps
 */
function ends(steps) {
  const last = steps[steps.length - 1];
  return last !== undefined && ["drop", "lost"].includes(last.act) ? [{ node: last.where, text: "×", color: "broken" }] : [];
}

/**
 * @param {Desk} desk
 * @param {WalkStep[]} steps
 */
function table(desk, steps) {
  let before = "";
  const head = ["", "", "octets", "left"].map((text) =>
    text ? element("th", { scope: "col" }, text) : element("td"),
  );
  const rows = steps.map((step) => {
    const where = element("td");
    if (step.where !== before) {
      const button = element("button", { type: "button", class: "link" }, step.where);
      button.addEventListener("click", () => desk.choose(step.where));
      where.append(button);
    }
    before = step.where;
    const what = element("td", { class: `depth${Math.min(3, step.depth)}` }, step.what);
    const reasons = [step.because, step.clause].filter(Boolean).join("; ");
    if (reasons) what.append(element("small", {}, ` ${reasons}`));
    const room = step.left === null ? "" : `+${step.left}`;
    return element("tr", {}, where, what, element("td", { class: "number" }, String(step.octets)), element("td", { class: "number" }, room));
  });
  return element("table", {}, element("tr", {}, ...head), ...rows);
}
