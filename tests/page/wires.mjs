// The wires of a film's stage: node wires.mjs < FILM. For each wire: the wire in its middle, and its name at a server.
import { readFileSync } from "node:fs";
import { layout } from "../../src/dmvpn/web/page/layout.js";
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
console.log(JSON.stringify({ found, nowhere: wireAt(stage, places, { x: 1e6, y: 0 }), described: described(bad) }));
