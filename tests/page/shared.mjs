// A state and its copy, each of which changes by a step: node shared.mjs; what both know afterwards.
import { applied, begin, copied } from "../../src/dmvpn/web/page/state.js";

const stage = { title: "", nodes: [{ name: "R1", kind: "hub", addresses: ["10.0.0.1"] }], wires: [], tunnels: [] };
const note = (subject) => ({ type: "note", time: 1, router: "R1", topic: "mapping", sign: "+", subject });
const first = begin(stage);
applied(first, note("before"));
const second = copied(first);
applied(first, note("first"));
applied(second, note("second"));
applied(second, { type: "note", time: 2, router: "R1", topic: "router", sign: "-" });
applied(second, { type: "addresses", time: 2, router: "R1", addresses: ["10.0.0.2"] });
const known = (state) => ({
  mapping: [...state.routers.get("R1").mapping.values()].map((entry) => entry.subject),
  alive: state.routers.get("R1").alive,
  owners: [...state.owners.keys()],
});
console.log(JSON.stringify([known(first), known(second)]));
