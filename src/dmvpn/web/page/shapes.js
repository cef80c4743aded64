/**
 * Shapes of the map: curved ways between two points.
 *
 * @typedef {import("./layout.js").Point} Point
 */

/**
 * Return the point that bends a tunnel: away from the wires, and a direct one farther.
 * @param {Point} from
 * @param {Point} to
 * @param {boolean} direct
 * @returns {Point}
 */
export function bend(from, to, direct) {
  const amount = direct ? 0.18 : 0.1;
  const [x, y] = [(from.x + to.x) / 2, (from.y + to.y) / 2];
  const [across, up] = [(to.y - from.y) * amount, (from.x - to.x) * amount];
  // To the side that is farther from the middle of the map.
  const outward = Math.hypot(x + across, y + up) >= Math.hypot(x - across, y - up) ? 1 : -1;
  return { x: x + 2 * outward * across, y: y + 2 * outward * up };
}

/**
 * Return a point of a way. part: 0 is its beginning, 1 its end.
 * @param {Point} from
 * @param {Point} middle
 * @param {Point} to
 * @param {number} part
 * @returns {Point}
 */
export function along(from, middle, to, part) {
  const [a, b, c] = [(1 - part) * (1 - part), 2 * part * (1 - part), part * part];
  return { x: a * from.x + b * middle.x + c * to.x, y: a * from.y + b * middle.y + c * to.y };
}

/**
 * Add a curved way to the path.
 * @param {CanvasRenderingContext2D} context
 * @param {Point} from
 * @param {Point} middle
 * @param {Point} to
 */
export function curve(context, from, middle, to) {
  context.moveTo(from.x, from.y);
  context.quadraticCurveTo(middle.x, middle.y, to.x, to.y);
}

/**
 * Draw a curved way with the head of an arrow on it.
 * @param {CanvasRenderingContext2D} context
 * @param {Point} from
 * @param {Point} middle
 * @param {Point} to
 * @param {{part: number, size: number}} head its place on the way, and its length
 */
export function arrow(context, from, middle, to, head) {
  context.setLineDash([]);
  context.beginPath();
  curve(context, from, middle, to);
  const [tip, before] = [along(from, middle, to, head.part), along(from, middle, to, head.part - 0.03)];
  const angle = Math.atan2(tip.y - before.y, tip.x - before.x);
  for (const side of [-0.5, 0.5]) {
    context.moveTo(tip.x, tip.y);
    context.lineTo(tip.x - head.size * Math.cos(angle + side), tip.y - head.size * Math.sin(angle + side));
  }
  context.stroke();
}
