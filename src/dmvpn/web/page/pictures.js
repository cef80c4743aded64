/**
 * The map of a moment as a file: the same painter draws on a canvas, or into SVG.
 *
 * @typedef {import("./map.js").Scene} Scene
 * @typedef {import("./map.js").View} View
 * @typedef {import("./map.js").Colors} Colors
 * @typedef {{width: number, height: number}} Size in pixels
 */

import { save } from "./dom.js";
import { paint } from "./map.js";

/** The width of a letter, as a part of its height: rather too much. */
const LETTER = 0.7;
/** Dots of a PNG for each pixel of the page. */
const SHARP = 2;

/**
 * Save a scene as an SVG file.
 * @param {Scene} scene
 * @param {View} view
 * @param {Size} size
 * @param {Colors} colors
 * @param {string} name of the file, without its ending
 */
export function saveSvg(scene, view, size, colors, name) {
  save(new Blob([asSvg(scene, view, size, colors)], { type: "image/svg+xml" }), `${name}.svg`);
}

/**
 * Save a scene as a PNG file.
 * @param {Scene} scene
 * @param {View} view
 * @param {Size} size
 * @param {Colors} colors
 * @param {string} name of the file, without its ending
 */
export function savePng(scene, view, size, colors, name) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [size.width * SHARP, size.height * SHARP];
  const context = canvas.getContext("2d");
  if (context === null) return;
  paint(context, { ...size, ratio: SHARP }, view, scene, colors);
  context.globalCompositeOperation = "destination-over";
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.fillStyle = colors.background;
  context.fillRect(0, 0, canvas.width, canvas.height);
  canvas.toBlob((blob) => {
    if (blob !== null) save(blob, `${name}.png`);
  });
}

/**
 * Return a scene as the text of an SVG file.
 * @param {Scene} scene
 * @param {View} view
 * @param {Size} size
 * @param {Colors} colors
 */
export function asSvg(scene, view, size, colors) {
  const drawing = new Drawing();
  const context = /** @type {CanvasRenderingContext2D} */ (/** @type {unknown} */ (drawing));
  paint(context, { ...size, ratio: 1 }, view, scene, colors);
  const { width, height } = size;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">` +
    `<title>${escaped(scene.stage.title)}</title>` +
    `<rect width="${width}" height="${height}" fill="${colors.background}"/>` +
    `<g transform="${drawing.transforms.join(" ")}" stroke-linecap="round">${drawing.parts.join("\n")}</g></svg>\n`
  );
}

/** @param {string} text */
function escaped(text) {
  // Controls, which XML cannot have, become marks.
  // eslint-disable-next-line no-control-regex
  const clean = text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd");
  return clean.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}

/** @param {number} value */
function short(value) {
  return String(Math.round(value * 100) / 100);
}

/**
 * Where texts stand: names of a canvas and of SVG.
 * @type {Record<string, string>}
 */
const ANCHORS = { center: "middle", left: "start", right: "end" };
/** @type {Record<string, string>} */
const BASELINES = { top: "hanging", middle: "central", bottom: "auto", alphabetic: "auto" };

/** A canvas's context as far as the map uses it, which writes SVG. */
class Drawing {
  constructor() {
    /** @type {string[]} */
    this.parts = [];
    /** @type {string[]} of all parts; they are set before the first of them */
    this.transforms = [];
    this.path = "";
    this.strokeStyle = "";
    this.fillStyle = "";
    this.lineWidth = 1;
    this.globalAlpha = 1;
    this.lineCap = "round";
    this.font = "10px sans-serif";
    this.textAlign = "left";
    this.textBaseline = "alphabetic";
    this.dash = "";
  }

  setTransform() {
    this.transforms = [];
  }

  clearRect() {
    this.parts = [];
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  translate(x, y) {
    this.transforms.push(`translate(${short(x)} ${short(y)})`);
  }

  /** @param {number} factor */
  scale(factor) {
    this.transforms.push(`scale(${factor.toFixed(4)})`);
  }

  /** @param {number[]} lengths */
  setLineDash(lengths) {
    this.dash = lengths.map(short).join(" ");
  }

  beginPath() {
    this.path = "";
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  moveTo(x, y) {
    this.path += `M${short(x)} ${short(y)}`;
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  lineTo(x, y) {
    this.path += `L${short(x)} ${short(y)}`;
  }

  /**
   * @param {number} bendX
   * @param {number} bendY
   * @param {number} x
   * @param {number} y
   */
  quadraticCurveTo(bendX, bendY, x, y) {
    this.path += `Q${short(bendX)} ${short(bendY)} ${short(x)} ${short(y)}`;
  }

  /**
   * A whole circle.
   * @param {number} x
   * @param {number} y
   * @param {number} radius
   */
  arc(x, y, radius) {
    this.ellipse(x, y, radius, radius);
  }

  /**
   * A whole ellipse.
   * @param {number} x
   * @param {number} y
   * @param {number} across
   * @param {number} up
   */
  ellipse(x, y, across, up) {
    const half = `a${short(across)} ${short(up)} 0 1 0`;
    this.path += `M${short(x - across)} ${short(y)}${half} ${short(2 * across)} 0${half} ${short(-2 * across)} 0z`;
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {number} width
   * @param {number} height
   */
  rect(x, y, width, height) {
    this.path += `M${short(x)} ${short(y)}h${short(width)}v${short(height)}h${short(-width)}z`;
  }

  fill() {
    this.put(`fill="${this.fillStyle}"`);
  }

  stroke() {
    const dash = this.dash ? ` stroke-dasharray="${this.dash}"` : "";
    this.put(`fill="none" stroke="${this.strokeStyle}" stroke-width="${short(this.lineWidth)}"${dash}`);
  }

  /** @param {string} how */
  put(how) {
    if (this.path !== "") this.parts.push(`<path d="${this.path}" ${how}${this.faint}/>`);
  }

  /**
   * @param {string} text
   * @param {number} x
   * @param {number} y
   */
  fillText(text, x, y) {
    this.write(text, x, y, `fill="${this.fillStyle}"`);
  }

  /**
   * @param {string} text
   * @param {number} x
   * @param {number} y
   */
  strokeText(text, x, y) {
    this.write(text, x, y, `fill="none" stroke="${this.strokeStyle}" stroke-width="${short(this.lineWidth)}"`);
  }

  /**
   * @param {string} text
   * @param {number} x
   * @param {number} y
   * @param {string} how
   */
  write(text, x, y, how) {
    const [anchor, baseline] = [ANCHORS[this.textAlign], BASELINES[this.textBaseline]];
    const place = `x="${short(x)}" y="${short(y)}" text-anchor="${anchor}" dominant-baseline="${baseline}"`;
    this.parts.push(`<text ${place} style="font:${escaped(this.font)}" ${how}${this.faint}>${escaped(text)}</text>`);
  }

  /**
   * Guess the width of a text: no font is at hand.
   * @param {string} text
   */
  measureText(text) {
    return { width: text.length * LETTER * parseFloat(this.font.replace("bold ", "")) };
  }

  get faint() {
    return this.globalAlpha < 1 ? ` opacity="${this.globalAlpha}"` : "";
  }
}
