// Runs the worker of a built tab in Node, which has no worker of a page:   node tab_worker.mjs BUILD-FOLDER ASKED
// ASKED: JSON, {"boot": {...}, "requests": [{method, path, body, job: true}, ...]}; job: waits for its end.
// Prints one JSON: {boots, answers, memory}, the last in MB of WebAssembly, which never shrinks.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { gunzipSync } from "node:zlib";

const [built, asked] = [process.argv[2], JSON.parse(process.argv[3])];
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "tab-"));
for (const one of fs.readdirSync(built, { withFileTypes: true })) {
  if (one.isFile()) fs.copyFileSync(path.join(built, one.name), path.join(folder, one.name));
}
// Node reads the module itself, so it needs it as it is.
const wasm = path.join(folder, "pyodide.asm.wasm");
fs.writeFileSync(wasm, gunzipSync(fs.readFileSync(`${wasm}.gz`)));

const [boots, answers] = [[], new Map()];
let heard = () => {};
let listener;
globalThis.addEventListener = (_, listens) => (listener = listens);
globalThis.fetch = async (address) => new Response(fs.readFileSync(new URL(address)));
globalThis.postMessage = (message) => {
  if (message.boot) boots.push(message.boot);
  else {
    const answer = answers.get(message.id) ?? { text: "" };
    answers.set(message.id, answer);
    answer.status ??= message.status;
    if (message.chunk) answer.text += new TextDecoder().decode(message.chunk);
    answer.ended ||= Boolean(message.end || message.error);
    answer.error ??= message.error;
  }
  heard();
};
const until = (done) =>
  new Promise((resolve) => {
    heard = () => done() && resolve();
    heard();
  });

let memory = 0;
const { grow } = WebAssembly.Memory.prototype;
WebAssembly.Memory.prototype.grow = function (pages) {
  const before = grow.call(this, pages);
  memory = this.buffer.byteLength / 1e6;
  return before;
};
await import(pathToFileURL(path.join(folder, "worker.mjs")).href);
listener({ data: { boot: asked.boot } });
await until(() => boots.some((boot) => boot.ready || boot.error));
let last = 0;
async function ask({ method = "GET", path: where, body: given, until: text }) {
  const index = (last += 1);
  const body = given === undefined ? null : JSON.stringify(given);
  const headers = body === null ? {} : { "content-type": "application/json" };
  listener({ data: { id: index, method, path: where, headers, body } });
  await until(() => answers.get(index)?.ended || (text && answers.get(index)?.text.includes(text)));
  return answers.get(index);
}
const given = [];
for (const request of asked.requests ?? []) {
  let answer = await ask(request);
  while (request.job && JSON.parse(answer.text).state === "running") {
    await new Promise((done) => setTimeout(done, 50));
    answer = await ask({ path: `/api/v1/jobs/${JSON.parse(answer.text).id}` });
  }
  given.push(answer);
}
fs.rmSync(folder, { recursive: true });
process.stdout.write(JSON.stringify({ boots, answers: given, memory }), () => process.exit(0));
