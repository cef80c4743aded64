/** The time line: how much happened when, the moment that is shown, and a part of the time that is enlarged. */

import { byId, clock } from "./dom.js";

/** Pixels of a bar. */
const BAR = 4;
/** By how much a step of the zoom is nearer, and the shortest part: seconds. */
const NEARER = 2;
const SHORTEST = 0.05;

/** The time line of a film. */
export class TimeLine {
  /**
   * @param {import("./film.js").Film} film
   * @param {(time: number) => void} go is called with the moment that a user chooses
   */
  constructor(film, go) {
    this.film = film;
    this.slider = /** @type {HTMLInputElement} */ (byId("moment"));
    this.bars = /** @type {HTMLCanvasElement} */ (byId("bars"));
    /** Seconds of the part that is enlarged, Infinity: none is; and its first moment. */
    this.part = Infinity;
    this.from = 0;
    this.whole = { first: 0, last: 1 };
    this.time = 0;
    this.drawn = "";
    const chosen = () => go(this.span.first + (Number(this.slider.value) / 1000) * this.length);
    this.slider.addEventListener("input", chosen);
    this.slider.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(event.deltaY < 0 ? NEARER : 1 / NEARER);
    });
    byId("nearer").addEventListener("click", () => this.zoom(NEARER));
    byId("farther").addEventListener("click", () => this.zoom(1 / NEARER));
  }

  /** Seconds that are shown. */
  get length() {
    return Math.min(this.part, this.whole.last - this.whole.first);
  }

  /** The first and the last moment that are shown. */
  get span() {
    const first = Math.max(this.whole.first, Math.min(this.from, this.whole.last - this.length));
    return { first, last: first + this.length };
  }

  /** @param {number} factor how many times nearer, around the moment that is shown */
  zoom(factor) {
    const part = Math.max(SHORTEST, this.length / factor);
    this.part = part < this.whole.last - this.whole.first ? part : Infinity;
    this.from = this.time - this.length / 2;
  }

  /**
   * @param {number} time that is shown
   * @param {{first: number, last: number}} whole
   * @param {string} color of the bars
   */
  show(time, whole, color) {
    [this.time, this.whole] = [time, whole];
    const { first, last } = this.span;
    if (time < first || time > last) this.from = time - this.length / 2;
    const value = last > first ? String(Math.round((1000 * (time - this.span.first)) / this.length)) : "1000";
    if (this.slider.value !== value) this.slider.value = value;
    this.slider.setAttribute("aria-valuetext", clock(time));
    this.paint(color);
  }

  /** @param {string} color */
  paint(color) {
    const { clientWidth: width, clientHeight: height } = this.bars;
    const { first, last } = this.span;
    const count = Math.floor(width / BAR);
    const second = (last - first) / count;
    // The end of a lab that runs moves: the bars are drawn again when it has moved by about one.
    const [longer, later] = [Math.floor(count * Math.log(last - first)), Math.floor((first - this.whole.first) / second)];
    const drawn = [count, height, color, this.film.steps.length, longer, later].join(" ");
    const context = this.bars.getContext("2d");
    if (context === null || drawn === this.drawn || !(second > 0)) return;
    this.drawn = drawn;
    [this.bars.width, this.bars.height] = [width, height];
    const counts = new Uint32Array(count);
    const { steps } = this.film;
    for (let place = this.film.count(first - second); place < steps.length && steps[place].time < last; place += 1) {
      if (steps[place].type !== "traffic") counts[Math.max(0, Math.floor((steps[place].time - first) / second))] += 1;
    }
    const most = Math.log1p(Math.max(1, ...counts));
    context.fillStyle = color;
    counts.forEach((each, place) => {
      const bar = Math.ceil((Math.log1p(each) / most) * height);
      context.fillRect(place * BAR, height - bar, BAR - 1, bar);
    });
  }
}
