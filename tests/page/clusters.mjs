// The clusters of a hub with many spokes: node clusters.mjs SPOKES SCALE BROKEN ALONE
//   BROKEN: how many of the first spokes are broken; ALONE: the number of a spoke that is chosen, 0: none
import { clusterAt, clustered, Clusters } from "../../src/dmvpn/web/page/clusters.js";
import { layout } from "../../src/dmvpn/web/page/layout.js";
import { begin } from "../../src/dmvpn/web/page/state.js";

const [spokes, scale, broken, alone] = process.argv.slice(2).map(Number);
const names = Array.from({ length: spokes }, (_, place) => `S${place + 1}`);
const stage = {
  title: "many",
  nodes: [{ name: "HUB", kind: "hub", addresses: [] }, ...names.map((name) => ({ name, kind: "spoke", addresses: [] }))],
  wires: [],
  tunnels: names.map((here) => ({ here, there: "HUB", cloud: "1" })),
};
const tunnels = stage.tunnels.map(({ here, there }, place) => {
  const condition = place < broken ? "broken" : "registered";
  return { here, there, condition, encrypted: false, direct: false };
});
const [places, state, wanted] = [layout(stage), begin(stage), new Set(alone ? [`S${alone}`] : [])];
const made = clustered(stage, places, state, tunnels, scale, wanted);
const kept = new Clusters();
const [narrow, wide] = [places, layout(stage, 1.7)].map((each) => kept.of({ stage, places: each, state, tunnels }, scale, wanted));
if (made === null) console.log("null");
else {
  const { clusters, bundles, of } = made;
  const near = clusters.flatMap(({ at }, place) => clusters.slice(place + 1).map((other) => Math.hypot(at.x - other.at.x, at.y - other.at.y)));
  const clicked = clusters.every((cluster) => clusterAt(made, cluster.at, scale) === cluster);
  const isMoved = JSON.stringify(narrow?.clusters) !== JSON.stringify(wide?.clusters);
  console.log(JSON.stringify({ clusters, bundles, members: [...of.keys()], nearest: Math.min(...near) * scale, clicked, isMoved }));
}
