/**
 * A film that was exported, put together: the news of its routers, and the faults and violations of a judged run.
 *
 * @typedef {import("./feed.js").Exported} Exported
 */

import { Film } from "./film.js";
import { Assembler } from "./lines.js";

/**
 * Return the film. What a router reports before its begin is part of its beginning; what comes after its end completes
 * messages that are on their way, and is left out.
 * @param {Exported} exported
 */
export function whole({ stage, news, steps = [], begins = -Infinity, ends = Infinity }) {
  const film = new Film(stage);
  film.begins = begins;
  const assembler = new Assembler(stage);
  const heard = news.flatMap((each) => assembler.hear(each));
  film.add([...steps, ...heard].filter((step) => step.time <= ends));
  return film;
}
