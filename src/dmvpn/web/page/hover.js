/**
 * The card of the node, tunnel or wire under the pointer: its addresses, state and traffic.
 *
 * @typedef {import("./map.js").Scene} Scene
 * @typedef {import("./layout.js").Point} Point
 */

import { branchesOf, pointOfWay } from "./bundles.js";
import { element } from "./dom.js";
import { nodeAt } from "./map.js";
import { kbit, ratesOf } from "./traffic.js";
import { distance, distanceFromLine, named, wireAt } from "./wires.js";

/** The largest distance in pixels between the pointer and a tunnel, and the number of points on its curve. */
const NEAR = 6;
const POINTS = 24;
/** Lines of one card. */
const MOST = 6;
/** @type {Record<string, string>} */
const CONDITIONS = {
  none: "not begun",
  unknown: "not known yet",
  registering: "no answer yet",
  registered: "registered",
  direct: "direct",
  broken: "broken",
};

/**
 * Return the title and the lines of the card for a point of the map; null: it has none.
 * @param {Scene} scene
 * @param {Point} point
 * @param {number} scale pixels for each unit of the map
 * @returns {{title: string, lines: string[]}|null}
 */
export function under(scene, point, scale) {
  const name = nodeAt(scene, point, scale);
  if (name !== "") return nodeCard(scene, name);
  const tunnel = scene.clusters ? undefined : tunnelAt(scene, point, NEAR / scale);
  if (tunnel !== undefined) {
    const state = CONDITIONS[tunnel.condition] ?? tunnel.condition;
    const rates = ratesOf(scene.state, tunnel.here, scene.time).filter(({ other }) => other === tunnel.there);
    const traffic = rates.map(({ rate }) => `${rate.out} packets/s out (${kbit(rate.bits_out)} kbit/s), ${rate.in} in`);
    return { title: `Tunnel ${tunnel.here} to ${tunnel.there}`, lines: [state + (tunnel.encrypted ? ", encrypted" : ""), ...traffic] };
  }
  const wire = wireAt(scene.stage, scene.places, point);
  if (wire === null) return null;
  return { title: `Wire ${named(wire)}`, lines: [scene.bad.get(wire) || "no impairment"] };
}

/**
 * @param {Scene} scene
 * @param {string} name
 */
function nodeCard(scene, name) {
  const node = scene.stage.nodes.find((each) => each.name === name);
  const own = scene.tunnels.filter(({ here, there }) => here === name || there === name);
  const counts = Object.entries(CONDITIONS).flatMap(([condition, words]) => {
    const count = own.filter((tunnel) => tunnel.condition === condition).length;
    return count > 0 ? [`${count} ${words}`] : [];
  });
  const dead = scene.state.routers.get(name)?.alive === false ? ["does not run"] : [];
  const addresses = node?.addresses ?? [];
  const rest = addresses.length > MOST ? [`and ${addresses.length - MOST} more`] : [];
  const tunnels = counts.length > 0 ? [`tunnels: ${counts.join(", ")}`] : [];
  return { title: `${name} ${node?.kind ?? ""}`, lines: [...dead, ...addresses.slice(0, MOST), ...rest, ...tunnels] };
}

/**
 * Return the nearest tunnel at a point. A line that several tunnels share is none of them.
 * @param {Scene} scene
 * @param {Point} point
 * @param {number} near in units of the map
 */
function tunnelAt(scene, point, near) {
  const branches = branchesOf(scene.stage, scene.places);
  /** @type {import("./state.js").Tunnel|undefined} */
  let found;
  let nearest = near;
  for (const tunnel of scene.tunnels) {
    const { here, there, direct } = tunnel;
    const [from, to] = [scene.places.get(here), scene.places.get(there)];
    if (from === undefined || to === undefined) continue;
    const joint = branches.get(`${here} ${there}`)?.joint;
    const [own, end] = joint === undefined ? [1, to] : [0.5, joint];
    // No curve leaves its straight line so far.
    if (distance(point, from, end) > near + Math.hypot(end.x - from.x, end.y - from.y) / 2) continue;
    const ends = /** @type {const} */ ([{ name: here, at: from }, { name: there, at: to }]);
    const points = Array.from({ length: POINTS }, (_, place) => pointOfWay(branches, ...ends, direct, (own * place) / POINTS));
    const away = distanceFromLine(point, [...points, end]);
    if (away <= nearest) [nearest, found] = [away, tunnel];
  }
  return found;
}

/** The card on the screen. */
export class Hover {
  /** @param {HTMLElement} canvas */
  constructor(canvas) {
    this.card = element("div", { id: "hover", "aria-hidden": "true" });
    this.card.hidden = true;
    document.body.append(this.card);
    canvas.addEventListener("pointerleave", () => this.hide());
    canvas.addEventListener("pointerdown", () => this.hide());
  }

  hide() {
    this.card.hidden = true;
  }

  /**
   * @param {ReturnType<typeof under>} found
   * @param {PointerEvent} event
   */
  show(found, event) {
    this.card.hidden = found === null;
    if (found === null) return;
    this.card.replaceChildren(element("b", {}, found.title), ...found.lines.map((line) => element("div", {}, line)));
    const { offsetWidth: width, offsetHeight: height } = this.card;
    const left = Math.max(4, Math.min(event.clientX + 14, innerWidth - width - 4));
    const top = event.clientY + 14 + height > innerHeight ? event.clientY - height - 10 : event.clientY + 14;
    this.card.style.left = `${left}px`;
    this.card.style.top = `${Math.max(4, top)}px`;
  }
}
