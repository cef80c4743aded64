// What the page says of messages: node fates.mjs < {"stage", "news", "now", "most"}; as JSON: the ladder's sentences.
import { readFileSync } from "node:fs";
import { Fates } from "../../src/dmvpn/web/page/fates.js";
import { Film } from "../../src/dmvpn/web/page/film.js";
import { sentence } from "../../src/dmvpn/web/page/ladder.js";
import { Assembler } from "../../src/dmvpn/web/page/lines.js";

const { stage, news, now, most } = JSON.parse(readFileSync(0, "utf8"));
const film = new Film(stage, most);
const assembler = new Assembler(stage);
for (const each of news) film.add(assembler.hear(each));
new Fates(film).judge(film.steps, now);
console.log(JSON.stringify(film.steps.filter((step) => step.type === "arrow").map(sentence)));
