/**
 * The story: the ladder on the screen, the step that is opened in it, and the cause that is followed.
 *
 * @typedef {import("./film.js").Film} Film
 * @typedef {import("./film.js").Step} Step
 * @typedef {import("./opened.js").Meanings} Meanings
 */

import { causeOf } from "./cause.js";
import { byId, element, plain } from "./dom.js";
import { Fates } from "./fates.js";
import { parsed } from "./filter.js";
import { rows, visible } from "./ladder.js";
import { opened } from "./opened.js";

/** Seconds after which it is known what became of a message. */
const UNDECIDED = 12;

/** The part of the time that drawing takes at most: where much happens, a drawing shows more of it. */
const SHARE = 0.1;

/** The ladder of a film. */
export class Story {
  /**
   * @param {Film} film
   * @param {(router: string) => void} choose called with a router that is clicked
   * @param {() => Promise<Meanings>} explain returns the meanings of messages and fields
   * @param {(isOpen: boolean) => void} turned is called after a step was opened or closed
   */
  constructor(film, choose, explain, turned) {
    this.film = film;
    this.fates = new Fates(film);
    this.choose = choose;
    this.explain = explain;
    this.turned = turned;
    /** @type {Step|null} */
    this.opened = null;
    /** @type {Step[]} the steps that belong together with the opened one */
    this.cause = [];
    /** @type {Meanings|null} null: no step was opened yet */
    this.meanings = null;
    this.said = "";
    /** Whether what became of a message on the screen is not known yet. */
    this.isOpen = false;
    /** The content of the screen as a key: the same again needs no drawing. */
    this.shown = "";
    /** When there may be another drawing, milliseconds of the page. */
    this.next = 0;
    /** @type {WeakMap<Step, {look: string, row: HTMLElement}>} the rows of steps, as they were last made */
    this.made = new WeakMap();
    /** Which steps the filter lets through. */
    this.fits = parsed("");
    /** Whether the newest row is kept in sight: until a user scrolls up. */
    this.isAtEnd = true;
    const ladder = byId("ladder");
    ladder.addEventListener("scroll", () => {
      this.isAtEnd = ladder.scrollTop + ladder.clientHeight >= ladder.scrollHeight - 4;
    });
    byId("filter").addEventListener("input", () => this.sift());
    for (const id of ["story", "message"]) {
      byId(id).addEventListener("keydown", (event) => {
        const isTyped = event.target instanceof Element && event.target.closest(".desk") !== null;
        if (event.key === "Escape" && !isTyped) this.close();
      });
    }
    byId("end-cause").addEventListener("click", () => this.close());
  }

  /** Take the filter as it is typed; an unfinished filter changes nothing, and a text says why. */
  sift() {
    const typed = /** @type {HTMLInputElement} */ (byId("filter"));
    let why = "";
    try {
      this.fits = parsed(typed.value);
      this.shown = "";
    } catch (error) {
      why = error instanceof Error ? error.message : String(error);
    }
    typed.setAttribute("aria-invalid", String(why !== ""));
    byId("unread").textContent = plain(why);
  }

  /**
   * Put the ladder of a moment on the screen.
   * @param {number} count of steps that have happened
   * @param {string} router only what it takes part in, "": everything
   * @param {number} now the last moment of which anything can be known
   */
  show(count, router, now = Infinity) {
    const [routes, only] = [isChecked("routes"), isChecked("only-cause") && this.cause.length > 0];
    const place = this.opened === null ? -1 : this.film.steps.indexOf(this.opened);
    const { clientWidth: room, clientHeight: height } = byId("ladder");
    // What became of the last messages is known a few seconds later.
    const later = this.isOpen ? Math.floor(now) : 0;
    const shown = JSON.stringify([count, router, routes, only, place, this.film.revision, this.said, room, height, later, this.fates.loading.size]);
    const begun = performance.now();
    if (this.shown === shown || (this.shown !== "" && begun < this.next)) return;
    this.shown = shown;
    const steps = only
      ? this.cause.filter((step) => step.type !== "addresses")
      : visible(this.film.steps, count, { router, routes, fits: this.fits });
    this.fates.judge(steps, now);
    this.isOpen = steps.some((step) => step.arrived === false && now - step.time < UNDECIDED);
    this.draw(steps, room);
    this.next = begun + (performance.now() - begun) / SHARE;
  }

  /**
   * @param {Step[]} steps
   * @param {number} room pixels of the ladder
   */
  draw(steps, room) {
    const ladder = byId("ladder");
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.step : undefined;
    const { opened: chosen, cause, made } = this;
    replace(ladder, rows(steps, { open: (step) => this.open(step), opened: chosen, cause, room, made }));
    if (this.isAtEnd) ladder.scrollTop = ladder.scrollHeight;
    if (focused) /** @type {HTMLElement|null} */ (ladder.querySelector(`[data-step="${CSS.escape(focused)}"]`))?.focus();
    this.caption();
    const message = byId("message");
    const doors = { choose: this.choose, close: () => this.close() };
    message.replaceChildren(...(this.opened === null ? [] : opened(this.opened, this.meanings ?? {}, doors)));
    if (this.said && this.opened !== null) message.append(element("p", { class: "bad" }, this.said));
  }

  /**
   * Open a step and follow its cause; close it if it is open.
   * @param {Step} step
   */
  open(step) {
    if (this.opened === step) {
      this.close();
      return;
    }
    this.opened = step;
    this.turned(true);
    this.cause = causeOf(this.film.steps, step, this.film.at(step.time).owners);
    if (this.meanings !== null) return;
    this.meanings = {};
    this.explain().then(
      (meanings) => {
        this.meanings = meanings;
        this.shown = "";
      },
      (error) => {
        this.meanings = null;
        this.said = `No explanations available: ${error instanceof Error ? error.message : error}`;
      },
    );
  }

  close() {
    this.opened = null;
    this.cause = [];
    this.said = "";
    this.turned(false);
  }

  caption() {
    const isFollowed = this.cause.length > 1;
    byId("cause").hidden = !isFollowed;
    if (!isFollowed) return;
    const routers = new Set(this.cause.flatMap((step) => (step.type === "arrow" ? [step.sender, step.receiver] : [step.router])));
    const spent = this.cause[this.cause.length - 1].time - this.cause[0].time;
    const where = plain([...routers].sort().join(", "));
    byId("cause-text").textContent = `One cause: ${this.cause.length} steps on ${where} in ${spent.toFixed(3)} s`;
  }
}

/**
 * Give an element other children. A child that it has already stays where it is, and needs no layout again.
 * @param {HTMLElement} parent
 * @param {HTMLElement[]} children
 */
function replace(parent, children) {
  const wanted = new Set(children);
  for (const child of [.../** @type {HTMLCollectionOf<HTMLElement>} */ (parent.children)]) if (!wanted.has(child)) child.remove();
  children.forEach((child, place) => {
    if (parent.children[place] !== child) parent.insertBefore(child, parent.children[place] ?? null);
  });
}

/** @param {string} id of a checkbox */
function isChecked(id) {
  return /** @type {HTMLInputElement} */ (byId(id)).checked;
}
