// REST and Socket.IO as a client would use them.
import { setTimeout as sleep } from "node:timers/promises";
import { io as ioNewest } from "socket.io-client";
import { io as io475 } from "socket.io-client-4.7.5";
import { contractOf } from "./contract.mjs";
import { SLOWNESS } from "./server.mjs";

export const CLIENTS = { "4.7.5": io475, newest: ioNewest };
export const TRANSPORTS = {
  polling: ["polling"],
  websocket: ["websocket"],
  upgrade: ["polling", "websocket"],
};

// Every answer is held against the server's OpenAPI document. `undocumented` says why a request is
// none of REST's: /socket.io/, or bytes that are no request.
export async function call(server, method, path, { body, token, headers = {}, undocumented } = {}) {
  // For a server that never answers. (AbortSignal.timeout() may be collected and never fire.)
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(new Error(`${method} ${path}: no answer`)), 30_000 * SLOWNESS);
  const response = await fetch(server.url + path, {
    method,
    signal: abort.signal,
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...headers,
    },
    body: body === undefined || typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body),
  });
  const text = await response.text();
  clearTimeout(timer);
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  const answer = { status: response.status, headers: response.headers, text, json };
  if (!undocumented) (await contractOf(server)).check(method, new URL(server.url + path).pathname, answer);
  return answer;
}

let counter = 0;
export function uniqueName(prefix = "user") {
  return `${prefix}${process.pid % 1000}x${++counter}`;
}

// A guest with a session: {id, userName, token}.
export async function login(server, userName = uniqueName()) {
  const answer = await call(server, "POST", "/api/users/login", { body: { userName } });
  if (answer.status !== 200) throw new Error(`login: ${answer.status} ${answer.text}`);
  return { id: answer.json._id, userName, token: answer.json.token, answer: answer.json };
}

export async function createGroup(server, user, users = [user], chatName = "group") {
  const answer = await call(server, "POST", "/api/chats", {
    token: user.token,
    body: { chatName, isPersonal: false, owner: user.id, users: users.map((u) => u.id) },
  });
  if (answer.status !== 200) throw new Error(`create: ${answer.status} ${answer.text}`);
  return answer.json;
}

export async function createPersonal(server, user, other) {
  const answer = await call(server, "POST", "/api/chats", {
    token: user.token,
    body: {
      chatName: `${user.userName}, ${other.userName}`, isPersonal: true, owner: user.id,
      users: [user.id, other.id],
    },
  });
  if (answer.status !== 200) throw new Error(`create: ${answer.status} ${answer.text}`);
  return answer.json;
}

export function open(server, { token, client = "newest", transports = ["websocket"], auth = {}, ...options } = {}) {
  const socket = CLIENTS[client](server.url, {
    transports, forceNew: true, reconnection: false, timeout: 10_000 * SLOWNESS,
    auth: token ? { token, ...auth } : auth, ...options,
  });
  socket.received = [];
  socket.hello = null;
  socket.on("hello", (hello) => (socket.hello = hello));
  socket.on("message", (message) => socket.received.push(message));
  return socket;
}

export async function connect(server, options) {
  const socket = open(server, options);
  await new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", reject);
  });
  return socket;
}

export function ask(socket, event, payload) {
  return socket.timeout(10_000 * SLOWNESS).emitWithAck(event, payload);
}

export async function join(socket, chat) {
  const answer = await ask(socket, "joinRoom", { chatId: chat._id, number: chat.number });
  if (!answer.ok) throw new Error(`joinRoom: ${JSON.stringify(answer)}`);
  return answer;
}

export async function send(socket, chat, content, clientMsgId) {
  return ask(socket, "sendMessage", { chatId: chat._id, chatNumber: chat.number, content, clientMsgId });
}

// Polls a condition; its time-out is for a broken server only.
export async function until(condition, what, timeoutMs = 10_000) {
  const end = performance.now() + timeoutMs * SLOWNESS;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > end) throw new Error(`not in time: ${what}`);
    await sleep(10);
  }
}

export function texts(socket) {
  return socket.received.filter((m) => m.type === "text").map((m) => m.content);
}

// The client rule of the contract: last + 1 applies, what is not greater than last is dropped, a gap
// asks for sync. One chat's view.
export class ChatView {
  constructor(last = 0) {
    this.last = last;
    this.messages = [];
    this.shown = new Set();
    this.dropped = 0;
    this.gaps = 0;
  }
  apply(message) {
    if (message.sequence <= this.last) {
      this.dropped += 1;
      return true;
    }
    if (message.sequence !== this.last + 1) {
      this.gaps += 1;
      return false;
    }
    this.last = message.sequence;
    if (this.shown.has(message._id)) throw new Error(`shown twice: ${message._id}`);
    this.shown.add(message._id);
    this.messages.push(message);
    return true;
  }
}

// Applies answers of `sync` until nothing is missing. views: Map of chat id → ChatView.
export async function syncAll(socket, views) {
  for (let round = 0; round < 1000; ++round) {
    const chats = Object.fromEntries([...views].map(([id, view]) => [id, view.last]));
    const answer = await ask(socket, "sync", { chats });
    if (!answer.ok) throw new Error(`sync: ${JSON.stringify(answer)}`);
    let more = Boolean(answer.cursor);
    for (const chat of answer.chats) {
      const view = views.get(chat.id);
      if (!view) continue;
      if (chat.reset) view.last = chat.from;
      for (const [name, payload] of chat.events) {
        if (name === "message") view.apply(payload);
      }
      more ||= chat.more;
    }
    if (!more) return answer;
  }
  throw new Error("sync never ends");
}
