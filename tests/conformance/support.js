// Starts conformance servers and speaks to them: plain HTTP requests byte by byte, WebSockets with
// a queue, raw TCP.
import { spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { createInterface } from "node:readline";
import { WebSocket } from "ws";

const binary = process.env.MARU_CONFORMANCE_SERVER ?? "build/dev/tests/conformance/conformance_server";
export const threads = Number(process.env.MARU_CONFORMANCE_THREADS ?? 1);
export const pingInterval = 300;
export const pingTimeout = 200;
// Sanitized builds are slower; only deadlines of the tests themselves grow with it.
export const patienceMs = 15000;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Server {
  static async start(flags = {}) {
    const args = Object.entries({ port: 0, threads, ...flags }).flatMap(([name, value]) => [`--${name}`, `${value}`]);
    const child = spawn(binary, args, { stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(child, "close").then(([code, signal]) => ({ code, signal }));
    const line = new Promise((resolve) => createInterface({ input: child.stdout }).once("line", resolve));
    const early = ended.then(({ code, signal }) => {
      throw new Error(`the server ended with ${code ?? signal} before it listened`);
    });
    early.catch(() => {});
    const first = await soon(Promise.race([line, early]), "the server's port");
    return new Server(child, ended, Number(first.split(" ").at(-1)));
  }

  constructor(child, ended, port) {
    this.child = child;
    this.ended = ended;
    this.port = port;
  }

  // Fails when the server does not end cleanly, or has ended already: a crash or a sanitizer's report.
  async stop() {
    const wasRunning = this.child.exitCode === null && this.child.signalCode === null;
    if (wasRunning) this.child.kill("SIGTERM");
    const { code, signal } = await soon(this.ended, "the end of the server");
    if (!wasRunning || code !== 0) {
      throw new Error(`the server ended ${wasRunning ? "" : "by itself "}with ${code ?? signal}`);
    }
  }

  // A new connection each time, so that with several threads requests arrive on any of them.
  request(path, { method = "GET", headers = {}, body, signal, agent = false } = {}) {
    return new Promise((resolve, reject) => {
      const request = http.request(
        { host: "127.0.0.1", port: this.port, path, method, headers, agent, signal },
        (response) => {
          const chunks = [];
          response.on("data", (chunk) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () =>
            resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString() }),
          );
        },
      );
      request.on("error", reject);
      request.end(body);
    });
  }

  websocket(path, options = {}, protocols = undefined) {
    return new Client(new WebSocket(`ws://127.0.0.1:${this.port}${path}`, protocols, options));
  }

  raw() {
    return new Raw(net.connect(this.port, "127.0.0.1"));
  }
}

// Waits for `promise`, but not for ever.
export function soon(promise, what = "an answer") {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), patienceMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

class Queue {
  items = [];
  waiting = [];
  push(item) {
    if (this.waiting.length > 0) this.waiting.shift()(item);
    else this.items.push(item);
  }
  next(what) {
    if (this.items.length > 0) return Promise.resolve(this.items.shift());
    return soon(new Promise((resolve) => this.waiting.push(resolve)), what);
  }
}

export class Client {
  constructor(socket) {
    this.socket = socket;
    this.queue = new Queue();
    this.opened = new Promise((resolve) => socket.on("open", resolve));
    this.closed = new Promise((resolve) => socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() })));
    this.failed = new Promise((resolve) => socket.on("unexpected-response", (_, response) => {
      let body = "";
      response.on("data", (chunk) => (body += chunk));
      response.on("end", () => {
        resolve({ status: response.statusCode, headers: response.headers, body });
        socket.terminate();
      });
    }));
    socket.on("error", () => {});
    socket.on("message", (data, isBinary) => this.queue.push(isBinary ? data : data.toString()));
  }
  send(data) {
    this.socket.send(data);
  }
  open() {
    return soon(this.opened, "a WebSocket");
  }
  next() {
    return this.queue.next("a message");
  }
  // The next message that is no ping.
  async nextPacket() {
    for (;;) {
      const packet = await this.next();
      if (packet !== "2") return packet;
      this.send("3");
    }
  }
  close() {
    this.socket.close();
    return this.closed;
  }
  ends() {
    return soon(this.closed, "the end of the WebSocket");
  }
  refused() {
    return soon(this.failed, "a refusal");
  }
}

class Raw {
  constructor(socket) {
    this.socket = socket;
    this.text = "";
    this.ended = new Promise((resolve) => socket.on("close", resolve));
    socket.on("error", () => {});
    socket.on("data", (chunk) => (this.text += chunk.toString("latin1")));
  }
  send(bytes) {
    this.socket.write(bytes);
  }
  async until(pattern) {
    const deadline = Date.now() + patienceMs;
    while (!pattern.test(this.text)) {
      if (Date.now() > deadline) throw new Error(`no ${pattern} in ${JSON.stringify(this.text)}`);
      await sleep(2);
    }
    return this.text;
  }
  ends() {
    return soon(this.ended, "the end of the connection");
  }
  close() {
    this.socket.destroy();
  }
}

export const engine = (query) => `/engine.io/?EIO=4&${query}`;
export const socketio = (query) => `/socket.io/?EIO=4&${query}`;

export class Polling {
  static async open(server, path = engine("transport=polling")) {
    const answer = await server.request(path);
    if (answer.status !== 200) throw new Error(`no session: ${answer.status} ${answer.body}`);
    return new Polling(server, path, JSON.parse(answer.body.slice(1)));
  }
  constructor(server, path, handshake) {
    this.server = server;
    this.handshake = handshake;
    this.sid = handshake.sid;
    this.url = `${path}&sid=${this.sid}`;
    this.websocketUrl = this.url.replace("transport=polling", "transport=websocket");
  }
  get(options = {}) {
    return this.server.request(this.url, options);
  }
  post(body, options = {}) {
    return this.server.request(this.url, { method: "POST", headers: { "content-type": "text/plain;charset=UTF-8" }, body, ...options });
  }
  // Opens a WebSocket for the session and gets as far as the probe's answer.
  async probe() {
    const socket = this.server.websocket(this.websocketUrl);
    await socket.open();
    socket.send("2probe");
    const answer = await socket.next();
    if (answer !== "3probe") throw new Error(`the probe was answered ${answer}`);
    return socket;
  }
  async upgrade() {
    const socket = await this.probe();
    socket.send("5");
    return socket;
  }
}

// A WebSocket session, past its handshake.
export async function openEngine(server, path = engine("transport=websocket")) {
  const socket = server.websocket(path);
  socket.handshake = JSON.parse((await socket.next()).slice(1));
  return socket;
}

// A WebSocket that has joined "/".
export async function openSocket(server) {
  const socket = await openEngine(server, socketio("transport=websocket"));
  socket.send("40");
  await socket.nextPacket(); // 40{…}
  await socket.nextPacket(); // auth
  return socket;
}
