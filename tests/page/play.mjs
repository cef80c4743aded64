// Plays a film without a page: node play.mjs < FILM; a line of JSON for each moment asked for.
//   moments: seconds since 1970 as arguments; "first" and "last" are those of the film
import { readFileSync } from "node:fs";
import { Film } from "../../src/dmvpn/web/page/film.js";
import { columns, sentence, visible } from "../../src/dmvpn/web/page/ladder.js";
import { layout } from "../../src/dmvpn/web/page/layout.js";
import { Assembler } from "../../src/dmvpn/web/page/lines.js";
import { tunnels } from "../../src/dmvpn/web/page/state.js";

const { stage, news, begins = -Infinity } = JSON.parse(readFileSync(0, "utf8"));
const film = new Film(stage);
film.begins = begins;
const assembler = new Assembler(stage);
for (const each of news) film.add(assembler.hear(each));
const { first, last } = film.span;
for (const moment of process.argv.slice(2)) {
  const time = moment === "first" ? first : moment === "last" ? last : Number(moment);
  const steps = visible(film.steps, film.count(time), { router: "", routes: false });
  const found = tunnels(stage, film.at(time));
  const places = Object.fromEntries(layout(stage));
  console.log(
    JSON.stringify({ time, steps: film.steps, tunnels: found, ladder: steps.map(sentence), columns: columns(steps), places }),
  );
}
