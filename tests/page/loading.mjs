// The tunnels of a lab while its routers' reports come one by one: node loading.mjs < {"stage", "news", "time"}; as JSON:
// how many are in each condition after each report.
import { readFileSync } from "node:fs";
import { Film } from "../../src/dmvpn/web/page/film.js";
import { Assembler } from "../../src/dmvpn/web/page/lines.js";
import { isRouter, tunnels } from "../../src/dmvpn/web/page/state.js";

const { stage, news, time } = JSON.parse(readFileSync(0, "utf8"));
const film = new Film(stage);
const assembler = new Assembler(stage);
const loading = new Set(stage.nodes.filter(isRouter).map((node) => node.name));
const counts = news.map((each) => {
  film.add(assembler.hear(each));
  if (!each.more) loading.delete(each.router);
  const found = tunnels(stage, film.at(time), { time, loading });
  return found.reduce((so, { condition }) => ({ ...so, [condition]: (so[condition] ?? 0) + 1 }), {});
});
console.log(JSON.stringify(counts));
