/**
 * A terminal of a router: xterm.js on the screen, a stream of output from the server, and keys in requests of their own.
 * A film has none, so this file is loaded at the first terminal.
 *
 * @typedef {{name: string, path: string, host: HTMLElement, ended: (why: string) => void}} Place path: of the router
 */

import { colors } from "./colors.js";
import { element } from "./dom.js";
import { restrain } from "./escapes.js";
import { at, events, post } from "./feed.js";
import { Terminal } from "./vendor/xterm.mjs";

const STYLE = at("/page/vendor/xterm.css");
/** Pixels beside the screen: its scrollbar. */
const BESIDE = 18;
/** Smaller windows make no page. */
const LEAST = { columns: 40, rows: 5 };

/** A session at a router. */
export class RouterTerminal {
  /** @param {Place} place */
  constructor(place) {
    this.place = place;
    this.number = "";
    this.typed = "";
    this.isSending = false;
    this.ending = new AbortController();
    const { background, text } = colors();
    const theme = { background, foreground: text, cursor: text };
    this.screen = new Terminal({ fontSize: 13, theme, scrollback: 5000, screenReaderMode: true });
    restrain(this.screen);
    this.observer = new ResizeObserver(() => this.fit());
  }

  /** Open the session, and show its output until it ends. */
  async run() {
    const { host, path, ended } = this.place;
    await styles();
    withSheets(() => this.screen.open(host));
    this.fit();
    this.screen.onData((keys) => this.type(keys));
    this.screen.attachCustomKeyEventHandler((event) => this.isForUs(event));
    this.screen.focus();
    try {
      const size = { rows: this.screen.rows, columns: this.screen.cols };
      const answer = await post(`${path}/terminals`, size, { signal: this.ending.signal });
      for await (const event of events(answer)) {
        const data = event.data ? JSON.parse(event.data) : {};
        if (event.type === "opened") {
          this.number = data.terminal;
          this.observer.observe(host);
          this.send();
        } else if (event.type === "output") {
          const octets = Uint8Array.from(atob(data.data), (letter) => letter.charCodeAt(0));
          // The stream is read no faster than the screen shows it.
          await new Promise((done) => this.screen.write(octets, () => done(null)));
        } else if (event.type === "ended") {
          ended(data.reason || "you logged out");
          return;
        }
      }
      ended("the connection was lost");
    } catch (error) {
      if (!this.ending.signal.aborted) ended(error instanceof Error ? error.message : String(error));
    } finally {
      this.number = "";
      this.observer.disconnect();
    }
  }

  /** End the session. */
  close() {
    this.ending.abort();
    this.observer.disconnect();
    this.screen.dispose();
  }

  /**
   * Take Ctrl-Shift-6 as a real terminal does; the browser keeps Ctrl-Shift-C and the like.
   * @param {KeyboardEvent} event
   * @returns {boolean} whether xterm.js is to take the key
   */
  isForUs(event) {
    if (event.type === "keydown" && event.ctrlKey && event.shiftKey && event.code === "Digit6") {
      event.preventDefault();
      this.type("\x1e");
      return false;
    }
    return true;
  }

  /** @param {string} keys */
  type(keys) {
    this.typed += keys;
    this.send();
  }

  /** Send typed keys; keys typed meanwhile go together, and after them. */
  async send() {
    if (this.isSending || this.number === "") return;
    this.isSending = true;
    try {
      while (this.typed !== "" && this.number !== "") {
        const keys = this.typed.slice(0, 8192);
        this.typed = this.typed.slice(8192);
        await this.request({ keys });
      }
    } finally {
      this.isSending = false;
    }
  }

  /** @param {object} body */
  async request(body) {
    // A terminal that has ended says so in its stream.
    await post(`/api/v1/terminals/${this.number}`, body).catch(() => {});
  }

  /** Give the screen as many rows and columns as there is room for, and notify the router. */
  fit() {
    const { host } = this.place;
    const drawn = host.querySelector(".xterm-screen");
    if (!(drawn instanceof HTMLElement) || drawn.clientWidth === 0 || host.clientWidth === 0) return;
    const [width, height] = [drawn.clientWidth / this.screen.cols, drawn.clientHeight / this.screen.rows];
    const columns = Math.max(LEAST.columns, Math.floor((host.clientWidth - BESIDE) / width));
    const rows = Math.max(LEAST.rows, Math.floor(host.clientHeight / height));
    if (columns === this.screen.cols && rows === this.screen.rows) return;
    this.screen.resize(Math.min(columns, 512), Math.min(rows, 512));
    if (this.number !== "") this.request({ rows: this.screen.rows, columns: this.screen.cols });
  }
}

/** Load the style sheet once. */
async function styles() {
  if (document.querySelector(`link[href="${STYLE}"]`) !== null) return;
  const link = element("link", { rel: "stylesheet", href: STYLE });
  await new Promise((done) => {
    link.addEventListener("load", done);
    link.addEventListener("error", done);
    document.head.append(link);
  });
}

/**
 * Do something in which style elements are made, and let their text go into constructed sheets: the page's policy has no
 * room for inline styles, and xterm.js writes its colors and sizes in such elements.
 * @param {() => void} act
 */
function withSheets(act) {
  const make = Document.prototype.createElement;
  document.createElement = (/** @type {string} */ tag) => (tag === "style" ? sheet() : make.call(document, tag));
  try {
    act();
  } finally {
    Reflect.deleteProperty(document, "createElement");
  }
}

/** @returns {HTMLElement} which stands for a style element */
function sheet() {
  const made = new CSSStyleSheet();
  const node = document.createElement("template");
  document.adoptedStyleSheets.push(made);
  Object.defineProperty(node, "textContent", { set: (text) => made.replaceSync(text), get: () => "" });
  node.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== made);
    Element.prototype.remove.call(node);
  };
  return node;
}
