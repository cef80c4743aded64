// The texts on maps: node labels.mjs < [{"stage", "tunnels", "size", "chosen", "found", "zoom"}]; as JSON, for each map:
// its texts, and the pairs of texts that are on each other. Letters are taken as wide as those of a wide font.
import { readFileSync } from "node:fs";
import { clustered } from "../../src/dmvpn/web/page/clusters.js";
import { layout, wholeView } from "../../src/dmvpn/web/page/layout.js";
import { paint } from "../../src/dmvpn/web/page/map.js";
import { begin } from "../../src/dmvpn/web/page/state.js";

const LETTER = 0.66;

/** A context that keeps the texts with their places. */
class Kept {
  constructor() {
    this.font = "";
    this.texts = [];
    this.calls = 0;
    const ignore = () => void (this.calls += 1);
    for (const name of ["setTransform", "clearRect", "translate", "scale", "setLineDash", "beginPath", "moveTo", "lineTo"]) this[name] = ignore;
    for (const name of ["quadraticCurveTo", "arc", "ellipse", "rect", "fill", "stroke", "strokeText"]) this[name] = ignore;
  }
  get height() {
    return parseFloat(this.font.replace("bold ", ""));
  }
  measureText(text) {
    return { width: text.length * LETTER * this.height };
  }
  fillText(text, x, y) {
    const [width, height] = [this.measureText(text).width, this.height];
    this.texts.push({ text, left: x - width / 2, right: x + width / 2, top: y - height / 2, bottom: y + height / 2 });
  }
}

function drawn({ stage, tunnels, size, chosen = "", found = null, zoom = 1 }) {
  const places = layout(stage, size.width / size.height);
  const whole = wholeView(places, size);
  const view = { ...whole, scale: whole.scale * zoom };
  const state = begin(stage);
  const clusters = clustered(stage, places, state, tunnels, view.scale);
  const kept = new Kept();
  const colors = new Proxy({}, { get: () => "#000" });
  const scene = {
    ...{ stage, places, state, tunnels, messages: [], time: 0, chosen, found: found && new Set(found), cause: [], wire: null },
    ...{ overlay: { legs: [], marks: [] }, bad: new Map(), clusters },
  };
  const begun = performance.now();
  paint(kept, { ...size, ratio: 1 }, view, scene, colors);
  const spent = performance.now() - begun;
  const { texts } = kept;
  const isOn = (one, other) => one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
  const overlaps = texts.flatMap((one, place) => texts.slice(place + 1).filter((other) => isOn(one, other)).map((other) => [one.text, other.text]));
  const drawn = [...places.values()].map(({ x, y }) => ({ x: (x - view.x) * view.scale, y: (y - view.y) * view.scale }));
  const width = Math.max(...drawn.map(({ x }) => x)) - Math.min(...drawn.map(({ x }) => x));
  return { texts: texts.map(({ text }) => text), overlaps, scale: view.scale, width, spent, clusters: clusters !== null };
}

console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(drawn)));
