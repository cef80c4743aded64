/**
 * Names, letters and numbers of the map, none of which is on another one or on a node. Each asks for some places; the
 * first free one is its own. The most important ones ask first. A label that finds no place is not written; only search
 * results are written over a node then.
 *
 * @typedef {import("./layout.js").Point} Point
 * @typedef {{left: number, top: number, right: number, bottom: number, isNode?: boolean}} Box in units of the map
 * @typedef {object} Label
 * @property {number} rank of `RANKS`: lower ones ask first
 * @property {string[]} lines
 * @property {Point[]} places middles of the label, the best first
 * @property {string} color
 * @property {string} background
 * @property {boolean} [bold]
 * @property {boolean} [bare] only the outline of its letters has a background
 * @property {number} [opacity]
 */

/** Who asks first: names of nodes, then texts on lines. */
export const RANKS = { hub: 0, chosen: 1, found: 2, broken: 3, rest: 4, other: 5, line: 6, message: 7, faded: 8 };
/** Pixels of a letter's height, and of the squares in which labels that may be on each other are looked for. */
export const HEIGHT = 11;
const SQUARE = 60;
/** Widths of texts that are remembered. */
const MOST_WIDTHS = 8000;
/** @type {Map<string, number>} for letters of 1 */
const widths = new Map();

/**
 * Return the height of letters in units of the map: on a small map they are as large as on a whole one.
 * @param {number} scale pixels for each unit
 */
export function heightOf(scale) {
  return Math.max(HEIGHT, HEIGHT / scale);
}

/** The labels of one picture. */
export class Labels {
  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} scale pixels for each unit
   * @param {Box} seen the part of the map that is on the canvas
   */
  constructor(context, scale, seen) {
    this.context = context;
    this.seen = seen;
    this.height = heightOf(scale);
    this.square = SQUARE / scale;
    /** @type {Label[]} */
    this.asked = [];
    /** @type {Map<string, Box[]>} taken places, by square */
    this.taken = new Map();
  }

  /**
   * Keep a place free of labels: a node is there.
   * @param {Point} middle
   * @param {number} width
   * @param {number} height
   */
  keepFree(middle, width, height) {
    this.take({ ...around(middle, width, height), isNode: true });
  }

  /** @param {Label} label */
  ask(label) {
    this.asked.push(label);
  }

  /**
   * Return how wide a text is, in units of the map.
   * @param {string} text
   * @param {boolean} bold
   */
  width(text, bold = false) {
    const key = `${bold} ${text}`;
    let width = widths.get(key);
    if (width === undefined) {
      this.context.font = `${bold ? "bold " : ""}100px system-ui, sans-serif`;
      width = this.context.measureText(text).width / 100;
      if (widths.size >= MOST_WIDTHS) widths.clear();
      widths.set(key, width);
    }
    return width * this.height;
  }

  /** Write all labels that have room. */
  write() {
    const { context, height } = this;
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (const label of this.asked.sort((one, other) => one.rank - other.rank)) {
      const width = Math.max(...label.lines.map((line) => this.width(line, label.bold))) + 0.3 * height;
      const tall = label.lines.length * height * 1.2;
      const free = label.places.find((place) => this.isFree(around(place, width, tall), true));
      const isWanted = label.rank <= RANKS.broken;
      const at = free ?? (isWanted ? label.places.find((place) => this.isFree(around(place, width, tall), false)) : undefined);
      if (at === undefined) continue;
      this.take(around(at, width, tall));
      this.draw(free === undefined ? { ...label, bare: false } : label, at, width, tall);
    }
    context.globalAlpha = 1;
  }

  /**
   * @param {Label} label
   * @param {Point} at
   * @param {number} width
   * @param {number} tall
   */
  draw({ lines, color, background, bold = false, bare = false, opacity = 1 }, at, width, tall) {
    const { context, height } = this;
    context.globalAlpha = opacity;
    context.font = `${bold ? "bold " : ""}${height}px system-ui, sans-serif`;
    if (!bare) {
      context.fillStyle = background;
      context.beginPath();
      context.rect(at.x - width / 2, at.y - tall / 2, width, tall);
      context.fill();
    }
    lines.forEach((line, place) => {
      const y = at.y - tall / 2 + (place + 0.5) * height * 1.2;
      if (bare) {
        context.lineWidth = height / 4;
        context.strokeStyle = background;
        context.strokeText(line, at.x, y);
      }
      context.fillStyle = color;
      context.fillText(line, at.x, y);
    });
  }

  /** @param {Box} box */
  take(box) {
    for (const key of this.squares(box)) {
      const boxes = this.taken.get(key);
      if (boxes === undefined) this.taken.set(key, [box]);
      else boxes.push(box);
    }
  }

  /**
   * Return whether nothing is in a box of the canvas.
   * @param {Box} box
   * @param {boolean} ofNodes whether it is to be free of nodes, too
   */
  isFree(box, ofNodes) {
    const { left, top, right, bottom } = this.seen;
    if (box.left < left || box.right > right || box.top < top || box.bottom > bottom) return false;
    return !this.squares(box).some((key) => this.taken.get(key)?.some((other) => isOn(box, other) && (ofNodes || !other.isNode)));
  }

  /** @param {Box} box */
  squares({ left, top, right, bottom }) {
    /** @type {string[]} */
    const found = [];
    for (let x = Math.floor(left / this.square); x <= Math.floor(right / this.square); x += 1) {
      for (let y = Math.floor(top / this.square); y <= Math.floor(bottom / this.square); y += 1) found.push(`${x} ${y}`);
    }
    return found;
  }
}

/**
 * @param {Point} middle
 * @param {number} width
 * @param {number} height
 * @returns {Box}
 */
function around({ x, y }, width, height) {
  return { left: x - width / 2, top: y - height / 2, right: x + width / 2, bottom: y + height / 2 };
}

/**
 * @param {Box} one
 * @param {Box} other
 */
function isOn(one, other) {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}
