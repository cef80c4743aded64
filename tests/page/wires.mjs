// The wires of a film's stage: node wires.mjs < FILM. For each wire: the wire in its middle, and its name at a server.
import { readFileSync } from "node:fs";
import { under } from "../../src/dmvpn/web/page/hover.js";
import { layout } from "../../src/dmvpn/web/page/layout.js";
import { begin } from "../../src/dmvpn/web/page/state.js";
import { pairToPing } from "../../src/dmvpn/web/page/welcome.js";
import { described, linkOf, named, wireAt } from "../../src/dmvpn/web/page/wires.js";

const { stage, links } = JSON.parse(readFileSync(0, "utf8"));
const places = layout(stage);
const found = stage.wires.map((wire) => {
  const [one, other] = wire.ends.map(([node]) => places.get(node));
  const middle = { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 };
  const at = wireAt(stage, places, middle);
  return { named: named(wire), found: at === null ? "" : named(at), link: linkOf(wire, links) };
});
const bad = { delay: 20, loss: 3, rate: 0, cut: 0, mtu: 1400, block: ["esp"], sender: "R31" };
const scene = { stage, places, state: begin(stage), tunnels: [], clusters: null, bad: new Map(), time: 0 };
const [card] = [...places].map(([, at]) => under(scene, at, 1));
const pair = pairToPing(stage)?.map(({ name }) => name) ?? null;
const nowhere = { wire: wireAt(stage, places, { x: 1e6, y: 0 }), card: under(scene, { x: 1e6, y: 0 }, 1) };
console.log(JSON.stringify({ found, nowhere, described: described(bad), card, pair }));
