/**
 * A lab in this tab: a worker has the whole program, and answers by messages what a server answers by HTTP.
 *
 *     to it    {boot: {lab, seed, epoch, files}}  {check: {files}}
 *              {n, id, method, path, headers, body}  {n, id, credit: OCTETS}  {n, id, abort: true}
 *     from it  {boot: {percent, sentence, ready, error}}  {checked: {code, text}}
 *              {taken, id, status, headers}  {taken, id, chunk}  {taken, id, end: true}  {taken, id, error}
 *
 * While it computes it gets no messages. It fetches them from here then, by way of the service worker: all with a number
 * above `taken`.
 *
 * @typedef {{lab: string, seed: number, epoch: number, files?: Record<string, string>}} Order files: of a lab that is not built in
 * @typedef {{percent: number, sentence: string, ready?: boolean, error?: string}} Progress
 * @typedef {{boot?: Progress, checked?: {code: number, text: string}, id?: number, status?: number,
 *   headers?: Record<string, string>, chunk?: Uint8Array, end?: boolean, error?: string, taken?: number}} Message
 *
 * @typedef {object} Exchange a request that is being answered
 * @property {(answer: Response) => void} begin
 * @property {(error: Error) => void} fail
 * @property {ReadableStreamDefaultController<Uint8Array>|null} body of the answer that has begun
 * @property {number} held octets that came since the worker got credit for more
 */

/** Octets that wait for their reader, and those for which the worker gets credit at a time. */
const QUEUE = 65_536;
const CREDIT = 32_768;
/** Statuses whose answers have no body. */
const BARE = [204, 304];

/** The worker, from the page's side. */
export class Inside {
  /**
   * @param {string} address of the worker's script
   * @param {(progress: Progress) => void} report
   */
  constructor(address, report) {
    this.report = report;
    /** @type {Map<number, Exchange>} */
    this.exchanges = new Map();
    this.last = 0;
    /** Why the worker answers no more. */
    this.over = "";
    /** What waits for the end of a boot or a check. @type {{done: (value: any) => void, fail: (error: Error) => void}|null} */
    this.waiting = null;
    /** @type {{n: number}[]} what the worker may not have taken yet */
    this.untaken = [];
    this.told = 0;
    const name = crypto.getRandomValues(new Uint32Array(4)).join("-");
    this.mail = new BroadcastChannel(name);
    /** Whether the service worker has asked for messages, for a worker that computes. */
    this.isMailed = false;
    this.mail.onmessage = () => {
      this.isMailed = true;
      this.mail.postMessage(this.untaken);
    };
    this.worker = new Worker(address, { type: "module", name });
    this.worker.addEventListener("message", (event) => this.hear(event.data));
    this.worker.addEventListener("messageerror", () => this.end("a message from it cannot be read"));
    this.worker.addEventListener("error", (event) => this.end(event.message || "its script cannot be loaded"));
  }

  /**
   * Bring a lab up. Returns its name. Throws an Error with one sentence.
   * @param {Order} order
   * @returns {Promise<string>}
   */
  boot(order) {
    return this.order({ boot: order });
  }

  /**
   * Return what `dmvpn import` says of files, before anything of them runs. Throws an Error with one sentence.
   * @param {Record<string, string>} files
   * @returns {Promise<{code: number, text: string}>}
   */
  check(files) {
    return this.order({ check: { files } });
  }

  /** @param {object} message */
  order(message) {
    return new Promise((done, fail) => {
      this.waiting = { done, fail };
      this.worker.postMessage(message);
    });
  }

  /**
   * Ask the lab, as `fetch` asks a server.
   * @param {string} path
   * @param {RequestInit} options
   * @returns {Promise<Response>}
   */
  ask(path, { method = "GET", headers, body, signal }) {
    this.last += 1;
    const id = this.last;
    return new Promise((begin, fail) => {
      if (this.over) return fail(new Error(this.over));
      if (signal?.aborted) return fail(signal.reason);
      const exchange = { begin, fail, body: null, held: 0 };
      this.exchanges.set(id, exchange);
      signal?.addEventListener("abort", () => this.leave(id, signal.reason));
      this.tell({ id, method, path, headers, body: body ?? null });
    });
  }

  /** @param {object} message about an exchange */
  tell(message) {
    this.told += 1;
    const whole = { ...message, n: this.told };
    this.untaken.push(whole);
    this.worker.postMessage(whole);
    if (this.isMailed) this.mail.postMessage(this.untaken);
  }

  /**
   * End an exchange that the page no longer wants.
   * @param {number} id
   * @param {Error} why
   */
  leave(id, why) {
    if (!this.exchanges.has(id)) return;
    this.broken(id, why);
    this.tell({ id, abort: true });
  }

  /** @param {Message} message */
  hear({ boot, checked, id, status, headers, chunk, end, error, taken = 0 }) {
    this.untaken = this.untaken.filter(({ n }) => n > taken);
    if (boot !== undefined) {
      if (boot.error) this.end(boot.error);
      else this.report(boot);
      if (boot.ready) this.waiting?.done(/** @type {any} */ (boot).lab);
    }
    if (checked !== undefined) this.waiting?.done(checked);
    const exchange = id === undefined ? undefined : this.exchanges.get(id);
    if (id === undefined || exchange === undefined) return;
    if (status !== undefined) exchange.begin(this.answer(id, exchange, status, headers ?? {}));
    if (chunk !== undefined) {
      exchange.held += chunk.length;
      exchange.body?.enqueue(chunk);
    }
    if (error !== undefined) this.broken(id, new Error(error));
    if (end) {
      this.exchanges.delete(id);
      exchange.body?.close();
    }
  }

  /**
   * @param {number} id
   * @param {Exchange} exchange
   * @param {number} status
   * @param {Record<string, string>} headers
   */
  answer(id, exchange, status, headers) {
    if (BARE.includes(status)) return new Response(null, { status, headers });
    const start = (/** @type {ReadableStreamDefaultController<Uint8Array>} */ body) => {
      exchange.body = body;
    };
    const pull = () => {
      if (exchange.held < CREDIT) return;
      this.tell({ id, credit: exchange.held });
      exchange.held = 0;
    };
    const cancel = () => this.leave(id, new Error("the page has read enough"));
    const stream = new ReadableStream({ start, pull, cancel }, new ByteLengthQueuingStrategy({ highWaterMark: QUEUE }));
    return new Response(stream, { status, headers });
  }

  /**
   * @param {number} id
   * @param {Error} why
   */
  broken(id, why) {
    const exchange = this.exchanges.get(id);
    this.exchanges.delete(id);
    exchange?.fail(why); // nothing, if the answer has begun
    exchange?.body?.error(why);
  }

  /**
   * End the worker, and all that waits for it.
   * @param {string} why
   */
  end(why) {
    this.over ||= `the lab in this tab has ended: ${why}`;
    this.worker.terminate();
    this.mail.close();
    this.waiting?.fail(new Error(why));
    for (const id of [...this.exchanges.keys()]) this.broken(id, new Error(this.over));
  }
}
