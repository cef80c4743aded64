// Opens a step of a film without a page: node cause.mjs TEXT < FILM, the first step whose sentence has the text.
// Prints its fields and the sentences of its cause, as JSON.
import { readFileSync } from "node:fs";
import { causeOf } from "../../src/dmvpn/web/page/cause.js";
import { Film } from "../../src/dmvpn/web/page/film.js";
import { sentence } from "../../src/dmvpn/web/page/ladder.js";
import { Assembler } from "../../src/dmvpn/web/page/lines.js";
import { fields, meaningOf } from "../../src/dmvpn/web/page/opened.js";
import { ways } from "../../src/dmvpn/web/page/trail.js";

const { stage, news, meanings } = JSON.parse(readFileSync(0, "utf8"));
const film = new Film(stage);
const assembler = new Assembler(stage);
for (const each of news) film.add(assembler.hear(each));
const step = film.steps.find((each) => each.type !== "addresses" && sentence(each).includes(process.argv[2]));
const cause = causeOf(film.steps, step, film.at(step.time).owners);
const found = fields(step).map((field) => ({ ...field, meaning: meaningOf(meanings, step, field.name) }));
const about = meaningOf(meanings, step, step.name ?? "");
console.log(JSON.stringify({ cause: cause.map(sentence), fields: found, about, ways: ways(cause) }));
