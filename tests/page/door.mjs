// The front door without a browser: node door.mjs PORT CODE; where it went, what it keeps, and what it says.
const [port, code] = process.argv.slice(2);
const [calls, kept, parts] = [[], {}, new Map()];
let cookie = "";

/** A node of the page: it has children, and whatever else is asked of it does nothing. */
class Part {
  constructor() {
    Object.assign(this, { children: [], dataset: {}, style: {}, files: [] });
  }
  get firstElementChild() {
    return this.children[0] ?? null;
  }
  append(...children) {
    this.children.push(...children);
  }
  prepend(...children) {
    this.children.unshift(...children);
  }
  replaceChildren(...children) {
    this.children = children;
  }
  querySelector() {
    return null;
  }
  get texts() {
    return [this.textContent ?? "", ...this.children.flatMap((child) => child.texts ?? String(child))].filter(Boolean);
  }
}
for (const name of ["setAttribute", "addEventListener", "focus", "remove"]) Part.prototype[name] = () => {};

const part = (id) => parts.get(id) ?? parts.set(id, new Part()).get(id);
const made = () => new Part();
const documentElement = made();
const real = fetch;
/** The folder of the page's parts is below that of the server. */
const below = (place) => place.slice(new URL("../../src/dmvpn/web", import.meta.url).href.length);
Object.assign(globalThis, {
  document: { getElementById: part, createElement: made, createElementNS: made, dispatchEvent: () => {}, documentElement },
  history: { replaceState: (_, __, place) => calls.push(below(place)) },
  localStorage: { getItem: (name) => kept[name] ?? null, setItem: (name, value) => (kept[name] = value) },
  location: { hash: `#${code}`, pathname: "/login", assign: (place) => calls.push(below(place)), replace: (place) => calls.push(below(place)) },
  matchMedia: () => made(),
  fetch: async (path, options) => {
    const answer = await real(`http://127.0.0.1:${port}${below(path)}`, { ...options, headers: { ...options.headers, Cookie: cookie } });
    cookie = answer.headers.get("set-cookie")?.split(";")[0] ?? cookie;
    return answer;
  },
});
await import("../../src/dmvpn/web/page/home.js");
for (let left = 100; left > 0 && part("labs").children.length === 0; left -= 1) await new Promise((done) => setTimeout(done, 100));
console.log(JSON.stringify({ calls, kept, texts: [...parts.values()].flatMap((each) => each.texts) }));
process.exit();
