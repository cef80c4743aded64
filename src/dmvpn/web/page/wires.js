/**
 * The wires of a lab: which one is under a point of the map, and the impairments of each.
 *
 * @typedef {import("./film.js").Stage} Stage
 * @typedef {import("./film.js").StageWire} StageWire
 * @typedef {import("./layout.js").Places} Places
 * @typedef {import("./layout.js").Point} Point
 * @typedef {{delay: number, loss: number, rate: number, cut: number, mtu?: number, block?: string[], sender?: string}} Badness
 * @typedef {{links: string[], impaired: Record<string, Badness>}} Wiring as the server has it
 */

/** Units of the map around a wire in which a click is for it. */
const NEAR = 7;

/**
 * Return the wire at a point of the map, or null.
 * @param {Stage} stage
 * @param {Places} places
 * @param {Point} point
 * @returns {StageWire|null}
 */
export function wireAt(stage, places, point) {
  for (const wire of stage.wires) {
    const first = places.get(wire.ends[0][0]);
    for (const [name] of wire.ends.slice(1)) {
      const other = places.get(name);
      if (first !== undefined && other !== undefined && distance(point, first, other) <= NEAR) return wire;
    }
  }
  return null;
}

/**
 * Return the name of a wire, for people.
 * @param {StageWire} wire
 */
export function named(wire) {
  return wire.ends.map(([node, port]) => (port ? `${node} ${port}` : node)).join(" to ");
}

/**
 * Return the server's name of a wire, by an end of it that is a port of a router; undefined: it has none.
 * @param {StageWire} wire
 * @param {string[]} links
 */
export function linkOf(wire, links) {
  const ends = wire.ends.filter(([, port]) => port !== "").map(([node, port]) => `${node}:${port}`);
  return links.find((link) => link.split(" ").some((end) => ends.includes(short(end))));
}

/**
 * Return the impairments of a wire as a text, or "".
 * @param {Badness|undefined} badness
 */
export function described(badness) {
  if (badness === undefined) return "";
  const { delay, loss, rate, cut, mtu = 0, block = [], sender = "" } = badness;
  const words = [
    cut ? "cut" : "",
    delay ? `delay ${delay} ms` : "",
    loss ? `loss ${loss} %` : "",
    rate ? `rate ${rate} kbit/s` : "",
    mtu ? `MTU ${mtu}` : "",
    ...block.map((kind) => `drops ${kind}`),
  ].filter(Boolean);
  return words.length > 0 && sender ? `${words.join(", ")}, from ${sender}` : words.join(", ");
}

/** @param {string} end NODE:INTERFACE */
function short(end) {
  return end.replace(/:([A-Za-z]{2})[A-Za-z]*(?=\d)/, ":$1");
}

/**
 * Return the distance of a point from a line through other points.
 * @param {Point} point
 * @param {Point[]} line
 */
export function distanceFromLine(point, line) {
  return Math.min(...line.map((at, place) => distance(point, at, line[place + 1] ?? at)));
}

/**
 * Return the distance of a point from a line between two points.
 * @param {Point} point
 * @param {Point} from
 * @param {Point} to
 */
export function distance(point, from, to) {
  const [x, y] = [to.x - from.x, to.y - from.y];
  const length = x * x + y * y || 1;
  const part = Math.min(1, Math.max(0, ((point.x - from.x) * x + (point.y - from.y) * y) / length));
  return Math.hypot(point.x - from.x - part * x, point.y - from.y - part * y);
}
