// The cards of a map with many tunnels: node hover.mjs SPOKES; as JSON: the title of the card on each tunnel's own part,
// and on the part that it shares with others; "": none.
import { branchesOf, pointOfWay } from "../../src/dmvpn/web/page/bundles.js";
import { under } from "../../src/dmvpn/web/page/hover.js";
import { layout } from "../../src/dmvpn/web/page/layout.js";
import { begin } from "../../src/dmvpn/web/page/state.js";

const names = Array.from({ length: Number(process.argv[2]) }, (_, place) => `S${place + 1}`);
const nodes = [{ name: "HUB", kind: "hub", addresses: [] }, ...names.map((name) => ({ name, kind: "spoke", addresses: [] }))];
const stage = { title: "", nodes, wires: [], tunnels: names.map((here) => ({ here, there: "HUB", cloud: "1" })) };
const places = layout(stage);
const tunnels = stage.tunnels.map(({ here, there }) => ({ here, there, condition: "registered", encrypted: false, direct: false }));
const scene = { stage, places, state: begin(stage), tunnels, time: 0, bad: new Map(), clusters: null };
const branches = branchesOf(stage, places);
const titles = (part) =>
  names.map((name) => {
    const ends = [name, "HUB"].map((each) => ({ name: each, at: places.get(each) }));
    return under(scene, pointOfWay(branches, ...ends, false, part), 1)?.title ?? "";
  });
console.log(JSON.stringify({ own: titles(0.2), shared: titles(0.7) }));
