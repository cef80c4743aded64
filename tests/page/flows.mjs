// The traffic between routers: node flows.mjs < RATES. From where to where, and how much.
import { readFileSync } from "node:fs";
import { flows, kbit } from "../../src/dmvpn/web/page/traffic.js";

const { rates, owners } = JSON.parse(readFileSync(0, "utf8"));
const known = new Map(rates.map((rate) => [`${rate.router} ${rate.nbma}`, { rate, until: 1 }]));
const state = { rates: known, routers: new Map(), owners: new Map(Object.entries(owners)) };
console.log(JSON.stringify(flows(state, 0).map((flow) => ({ ...flow, kbit: kbit(flow.bits) }))));
