// The dots of flows: node traffic.mjs < FLOWS. How many there are, on each way, and how far they go in a tenth of a second.
import { readFileSync } from "node:fs";
import { dots } from "../../src/dmvpn/web/page/traffic.js";

const { flows } = JSON.parse(readFileSync(0, "utf8"));
const [now, later] = [dots(flows, 0), dots(flows, 0.1)];
const ways = {};
const far = {};
now.forEach(({ from, to }, place) => {
  ways[`${from} ${to}`] = (ways[`${from} ${to}`] ?? 0) + 1;
  far[`${from} ${to}`] ??= later[place].part - now[place].part;
});
console.log(JSON.stringify({ count: now.length, ways, far }));
