// Drives a headless Chromium over the DevTools pipe, with the few commands that are needed here.
//
// Tools that watch the network (Playwright and Puppeteer do, always) make Chromium hand each WebSocket message out as base64: with camera frames
// that is more work than the page itself, and a measurement of it measures the tool. The network is never watched here.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const ARGUMENTS = ["--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--mute-audio",
  "--autoplay-policy=no-user-gesture-required", "--use-fake-ui-for-media-stream"];

export class Chromium {
  #process; #folder; #next = 1; #waiting = new Map(); #pages = new Map();

  // `file` is the program; `args` are more words for it.
  static async launch(file, args = []) {
    const browser = new Chromium();
    browser.#folder = mkdtempSync(path.join(tmpdir(), "impasto-chromium-"));
    browser.#process = spawn(file, [...ARGUMENTS, `--user-data-dir=${browser.#folder}`, ...args, "about:blank"],
      { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    browser.#listen(browser.#process.stdio[4]);
    const { product } = await browser.call("Browser.getVersion");
    browser.version = product;
    return browser;
  }

  #listen(pipe) {
    let parts = [];
    pipe.on("data", (bytes) => {
      for (let end; (end = bytes.indexOf(0)) >= 0; bytes = bytes.subarray(end + 1)) {
        parts.push(bytes.subarray(0, end));
        this.#heard(JSON.parse(Buffer.concat(parts)));
        parts = [];
      }
      if (bytes.length) parts.push(bytes);
    });
  }

  #heard({ id, result, error, method, params, sessionId }) {
    if (id === undefined) return this.#pages.get(sessionId)?.event(method, params);
    const { done, failed } = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) failed(new Error(error.message));
    else done(result);
  }

  call(method, params = {}, sessionId = undefined) {
    const id = this.#next++;
    this.#process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((done, failed) => this.#waiting.set(id, { done, failed }));
  }

  // A page with storage of its own, or with that of `other`.
  async page(address, { width = 1280, height = 760, other } = {}) {
    const context = other?.context ?? (await this.call("Target.createBrowserContext")).browserContextId;
    const { targetId } = await this.call("Target.createTarget", { url: "about:blank", browserContextId: context });
    const { sessionId } = await this.call("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, sessionId, targetId, context);
    this.#pages.set(sessionId, page);
    for (const domain of ["Page", "Runtime"]) await page.call(`${domain}.enable`);
    await page.resize(width, height);
    await page.go(address);
    return page;
  }

  async close() {
    const ended = new Promise((done) => this.#process.once("exit", done));
    this.call("Browser.close").catch(() => {});
    await Promise.race([ended, pause(5000).then(() => this.#process.kill("SIGKILL"))]);
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

class Page {
  #browser; #session; #target; #loaded = () => {};
  // What went wrong in the page, in words.
  problems = [];

  constructor(browser, session, target, context) {
    Object.assign(this, { context });
    [this.#browser, this.#session, this.#target] = [browser, session, target];
  }

  call(method, params) { return this.#browser.call(method, params, this.#session); }

  event(method, params) {
    if (method === "Page.loadEventFired") this.#loaded();
    if (method === "Runtime.exceptionThrown") {
      const { exception, text } = params.exceptionDetails;
      this.problems.push(`page: ${exception?.description ?? text}`);
    }
    if (method === "Runtime.consoleAPICalled" && params.type === "error") {
      this.problems.push(`console: ${params.args.map((a) => a.value ?? a.description).join(" ")}`);
    }
  }

  async go(address) {
    const loaded = new Promise((done) => (this.#loaded = done));
    await this.call("Page.navigate", { url: address });
    await loaded;
  }

  async reload() {
    const loaded = new Promise((done) => (this.#loaded = done));
    await this.call("Page.reload");
    await loaded;
  }

  // The value of `what`: an expression, or a function of plain `values` that is sent over.
  async evaluate(what, ...values) {
    const expression = typeof what === "function" ? `(${what})(${values.map((v) => JSON.stringify(v)).join()})` : what;
    const { result, exceptionDetails } = await this.call("Runtime.evaluate",
      { expression, awaitPromise: true, returnByValue: true, userGesture: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  // Waits until `what` holds; says what it waited for in vain.
  async until(what, seconds = 30) {
    for (const end = Date.now() + 1000 * seconds; Date.now() < end; await pause(50)) {
      if (await this.evaluate(what)) return;
    }
    throw new Error(`waited ${seconds} s in vain for ${what}`);
  }

  resize(width, height, phone = false) {
    return this.call("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: phone ? 2 : 1, mobile: phone });
  }

  colors(scheme) {
    return this.call("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
  }

  // Presses a key by its name, such as `s`, `?`, `Tab` or `ArrowRight`.
  async press(key, modifiers = 0) {
    const code = { Tab: 9, Enter: 13, Escape: 27, " ": 32, ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39, ArrowDown: 40 }[key];
    const text = key.length === 1 ? key : key === "Enter" ? "\r" : undefined;
    const what = { key, text, modifiers, windowsVirtualKeyCode: code ?? key.toUpperCase().charCodeAt(0) };
    await this.call("Input.dispatchKeyEvent", { type: text ? "keyDown" : "rawKeyDown", ...what });
    await this.call("Input.dispatchKeyEvent", { type: "keyUp", ...what });
  }

  async click(selector, modifiers = 0) {
    const [x, y] = await this.evaluate((s) => {
      const element = document.querySelector(s);
      element.scrollIntoView({ block: "center" });
      const { left, top, width, height } = element.getBoundingClientRect();
      return [left + width / 2, top + height / 2];
    }, selector);
    await this.drag(x, y, x, y, modifiers);
  }

  // Presses the mouse at one place and lets go at another.
  async drag(x, y, toX, toY, modifiers = 0) {
    const mouse = (type, x, y) => this.call("Input.dispatchMouseEvent", { type, x, y, button: "left", buttons: 1, clickCount: 1, modifiers });
    await mouse("mousePressed", x, y);
    if (toX !== x || toY !== y) for (let i = 1; i <= 4; i++) await mouse("mouseMoved", x + (toX - x) * i / 4, y + (toY - y) * i / 4);
    await mouse("mouseReleased", toX, toY);
  }

  async screenshot(file) {
    const { data } = await this.call("Page.captureScreenshot", { format: "png" });
    writeFileSync(file, Buffer.from(data, "base64"));
  }

  async close() {
    await this.#browser.call("Target.closeTarget", { targetId: this.#target });
  }
}
