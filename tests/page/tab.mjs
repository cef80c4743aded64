// Links to a lab in a tab, and the door to its worker, without a browser: node tab.mjs; what came of each.
import { Inside } from "../../src/dmvpn/web/page/inside.js";
import { linkOf, packed, wantedBy } from "../../src/dmvpn/web/page/links.js";

const outcome = (promise) => promise.then((value) => value, (error) => `refused: ${error.message}`);

// ------------------------------------------------------------------------------------------------ links

const files = { "R1.cfg": "hostname R1\n", "lab.yaml": "name: mine\n" };
const link = await packed({ lab: "mine", story: "", files });
const noise = Array.from({ length: 4000 }, (_, place) => String.fromCharCode(0x4e00 + ((place * 7919) % 20_000))).join("");
const bomb = await packed({ lab: "mine", files: { "R1.cfg": "!".repeat(600_000) } });
const bad = [
  "#net=1.AAAA", "#net=1.%%", "#net=2.AA", "#net=", link.slice(0, -9), `${link}&lab=mine`, "#other=1", "#lab=../x", "#lab=a&lab=b",
  "#lab=a&seed=-1", "#lab=a&seed=1.5", "#lab=a&epoch=x", "#lab=a&story=none", await packed({ lab: "mine", files: { "../R1.cfg": "" } }),
  await packed({ lab: "mine", files: [] }), await packed({ files }), await packed({ lab: "mine", files: { "R1.cfg": 1 } }), bomb,
];
const links = {
  named: await wantedBy(linkOf({ lab: "notes-phase3", seed: 7, epoch: 1790000000, story: "shortcut" })),
  whole: await wantedBy(link),
  none: await wantedBy(""),
  long: await outcome(packed({ lab: "mine", story: "", files: { "R1.cfg": noise } })),
  bad: await Promise.all(bad.map((one) => outcome(wantedBy(one)))),
};

// ------------------------------------------------------------------------------------------------ the worker

const sent = [];
let page;
globalThis.Worker = class extends EventTarget {
  constructor() {
    super();
    page = (data) => this.dispatchEvent(Object.assign(new Event("message"), { data }));
  }
  postMessage(message) {
    sent.push(message);
  }
  terminate() {
    sent.push("terminated");
  }
};
const steps = [];
const inside = new Inside("worker.mjs", ({ percent }) => steps.push(percent));
const booted = inside.boot({ lab: "notes-phase3", seed: 7 });
page({ boot: { percent: 50, sentence: "half" } });
page({ boot: { percent: 100, sentence: "up", ready: true, lab: "notes-phase3" } });

const octets = (text) => new TextEncoder().encode(text);
const first = inside.ask("/api/v1/labs", {});
page({ id: 1, status: 404, headers: { "content-type": "application/problem+json" } });
page({ id: 1, chunk: octets('{"detail": ') });
page({ id: 1, chunk: octets('"none"}') });
page({ id: 1, end: true });
const refused = await first;

const bare = inside.ask("/api/v1/labs/one/stage", { headers: { "If-None-Match": "1" } });
page({ id: 2, status: 304, headers: { etag: "1" } });
page({ id: 2, end: true });

const ending = new AbortController();
const stream = inside.ask("/api/v1/labs/one/events", { signal: ending.signal });
page({ id: 3, status: 200, headers: {} });
const reader = (await stream).body.getReader();
page({ id: 3, chunk: octets("one") });
const begun = new TextDecoder().decode((await reader.read()).value);
page({ id: 3, chunk: new Uint8Array(40_000), taken: 2 });
await reader.read();
await new Promise((done) => setTimeout(done));
const mailed = inside.untaken.map(({ id, credit }) => [id, credit ?? 0]);
ending.abort();
page({ id: 3, chunk: octets("too late") });
const aborted = await outcome(reader.read().then(() => "more"));

const left = inside.ask("/api/v1/meanings", {});
page({ boot: { error: "no memory is left" } });
const worker = {
  booted: await booted, steps, status: refused.status, said: await refused.json(), bare: (await bare).status, begun, mailed, aborted,
  left: await outcome(left), after: await outcome(inside.ask("/api/v1/labs", {})), sent,
};
console.log(JSON.stringify({ links, worker }));
