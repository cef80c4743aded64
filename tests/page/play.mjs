// Plays a film without a page: node play.mjs < FILM; a line of JSON for each moment asked for.
//   moments: seconds since 1970 as arguments; "first" and "last" are those of the film
import { readFileSync } from "node:fs";
import { badWires, faultsInWords, overFaults } from "../../src/dmvpn/web/page/faults.js";
import { Fates } from "../../src/dmvpn/web/page/fates.js";
import { columns, sentence, visible } from "../../src/dmvpn/web/page/ladder.js";
import { layout } from "../../src/dmvpn/web/page/layout.js";
import { tunnels } from "../../src/dmvpn/web/page/state.js";
import { whole } from "../../src/dmvpn/web/page/whole.js";
import { named } from "../../src/dmvpn/web/page/wires.js";

const film = whole(JSON.parse(readFileSync(0, "utf8")));
const { stage } = film;
const { first, last } = film.span;
for (const moment of process.argv.slice(2)) {
  const time = moment === "first" ? first : moment === "last" ? last : Number(moment);
  const steps = visible(film.steps, film.count(time), { router: "", routes: false });
  new Fates(film).judge(steps, Infinity);
  const state = film.at(time);
  const found = tunnels(stage, state);
  const bad = [...badWires(stage, state)].map(([wire, what]) => `${named(wire)}: ${what}`);
  const dead = [...state.routers].filter(([, router]) => !router.alive).map(([name]) => name);
  const judged = { bad, dead, faults: faultsInWords(state).split("; ").filter((text) => !text.startsWith("violation")) };
  const places = Object.fromEntries(layout(stage));
  console.log(
    JSON.stringify({
      ...{ time, steps: film.steps, tunnels: found, ladder: steps.map(sentence), columns: columns(steps), places },
      ...{ ...judged, legs: overFaults(state).legs },
    }),
  );
}
