// HTTP as native clients and proxies speak it: Origins, cookies in several lines, Date, keep-alive,
// forwarding fields, and who is told what about a bad request.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import net from "node:net";
import { join as joinPath } from "node:path";
import { after, before, test } from "node:test";
import { makeDataDir, run, startServer } from "../support/server.mjs";
import { call, login } from "../support/api.mjs";

let server, user;

before(async () => {
  server = await startServer({ args: ["--rate-limits", "off", "--trusted-proxies", "127.0.0.2,127.0.0.3"] });
  user = await login(server);
});
after(() => server.dispose());

// Sends the bytes and reads one answer with its body (or only its head, for a 101). `from`: the
// address of this machine that it comes from.
function exchange(bytes, { from, port = server.port } = {}) {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: "127.0.0.1", localAddress: from }, () => socket.write(bytes));
    let text = "";
    const finish = () => {
      socket.destroy();
      const [head, ...rest] = text.split("\r\n\r\n");
      const [line, ...fields] = head.split("\r\n");
      const all = fields.map((field) => /^([^:]*): (.*)$/.exec(field).slice(1));
      resolve({
        status: Number(line.split(" ")[1]), body: rest.join("\r\n\r\n"),
        field: (name) => all.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value).join(" | "),
      });
    };
    socket.on("data", (chunk) => {
      text += chunk;
      const head = text.indexOf("\r\n\r\n");
      if (head < 0) return;
      const length = /^content-length: (\d+)$/im.exec(text.slice(0, head));
      if (Buffer.byteLength(text) - head - 4 >= Number(length?.[1] ?? 0)) finish();
    });
    socket.on("end", finish);
    socket.on("error", reject);
  });
}

function get(path, fields = {}, options) {
  const all = { Host: `127.0.0.1:${server.port}`, ...fields };
  const lines = Object.entries(all).flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}\r\n`));
  return exchange(`GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`, options);
}

const HANDSHAKE = {
  Upgrade: "websocket", Connection: "Upgrade", "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};

test("the handshake that the Swift client composes is let in, a foreign one is not", async () => {
  const host = `127.0.0.1:${server.port}`;
  // Its polling has no Origin, its parameters an order of their own.
  const polling = await get("/socket.io/?transport=polling&b64=1&EIO=4", { "User-Agent": "CFNetwork" });
  assert.equal(polling.status, 200);
  const { sid } = JSON.parse(polling.body.slice(1));
  const path = `/socket.io/?transport=websocket&EIO=4`;
  const upgraded = await get(`${path}&sid=${sid}`, { ...HANDSHAKE, Origin: `ws://${host}` });
  assert.equal(upgraded.status, 101);
  for (const origin of [`ws://${host}`, `WS://${host}/`, `http://${host}`, `http://${host}/`]) {
    assert.equal((await get(path, { ...HANDSHAKE, Origin: origin })).status, 101, origin);
  }
  for (const origin of [`wss://${host}`, "ws://evil.example", `ws://${host}.evil.example`, `ws://${host}@evil.example`,
    `ws://evil.example@${host}`, `ws://127.0.0.1`, "ws://127.0.0.1:1", `ws://${host}//`, `ws://${host}/x`, `${host}`,
    "null", "ws://[::1].evil", `ftp://${host}`, `ws:${host}`]) {
    assert.equal((await get(path, { ...HANDSHAKE, Origin: origin })).status, 403, origin);
    assert.equal((await get("/api/users/me", { Origin: origin, Authorization: `Bearer ${user.token}` })).status,
      403, origin);
  }
});

test("a default port that is spelled out and letter case make no other origin", async () => {
  const status = async (host, origin) =>
    (await get("/socket.io/?EIO=4&transport=polling", { Host: host, Origin: origin })).status;
  for (const [host, origin] of [["localhost", "http://localhost:80"], ["localhost:80", "http://localhost"],
    ["LOCALHOST", "http://localhost/"], ["localhost", "ws://LocalHost:80/"], ["[::1]", "ws://[::1]:80"]]) {
    assert.equal(await status(host, origin), 200, `${origin} at ${host}`);
  }
  for (const [host, origin] of [["localhost", "http://localhost:8080"], ["localhost:443", "http://localhost"],
    ["[::1].evil", "http://[::1].evil"], ["[::1]evil", "http://[::1]evil"], ["localhost", "https://localhost"]]) {
    assert.equal(await status(host, origin), 403, `${origin} at ${host}`);
  }
});

test("a Host that only begins like an address opens nothing to a page that was pointed here", async () => {
  for (const host of ["[::1].evil", "[::1]evil:80", "127.0.0.1:80.evil", "evil.example"]) {
    assert.equal((await get("/metrics", { Host: host })).status, 401, host);
  }
  assert.equal((await get("/metrics", { Host: "[::1]:5001" })).status, 200);
});

test("cookies in several lines are one list", async () => {
  const split = await get("/api/users/me", { Cookie: ["theme=dark", `maru=${user.token}`, "last=1; other=2"] });
  assert.equal(split.status, 200);
  assert.equal(JSON.parse(split.body).id, user.id);
  assert.equal((await get("/api/users/me", { Cookie: ["theme=dark", "maru=x"] })).status, 401);
});

test("every answer has a Date, and what keeps its connection says how long", async () => {
  const host = `Host: 127.0.0.1:${server.port}\r\n`;
  const upgrade = Object.entries(HANDSHAKE).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const answers = {
    rest: [200, `GET /healthz HTTP/1.1\r\n${host}\r\n`],
    head: [200, `HEAD /healthz HTTP/1.1\r\n${host}Connection: close\r\n\r\n`],
    none: [404, `GET /nowhere HTTP/1.1\r\n${host}\r\n`],
    polling: [200, `GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\n${host}\r\n`],
    refused: [400, `GET /socket.io/?EIO=2&transport=polling HTTP/1.1\r\n${host}\r\n`],
    preflight: [204, `OPTIONS /api/users HTTP/1.1\r\n${host}\r\n`],
    malformed: [400, "GET / HTTP/1.1\r\n\r\n"],
    upgraded: [101, `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n${host}${upgrade}\r\n`],
    badUpgrade: [400, `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n${host}${upgrade.replace("13", "12")}\r\n`],
    old: [200, `GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`],
  };
  const ends = new Set(["head", "malformed", "badUpgrade", "upgraded"]);
  for (const [name, [status, bytes]] of Object.entries(answers)) {
    const answer = await exchange(bytes);
    assert.equal(answer.status, status, name);
    assert.match(answer.field("date"), /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/, name);
    assert.ok(Math.abs(Date.parse(answer.field("date")) - Date.now()) < 30_000, name);
    assert.equal(answer.field("keep-alive"), ends.has(name) ? "" : "timeout=75", name);
  }
});

test("a dead session hears 401 and not what else is wrong", async () => {
  const dead = await login(server);
  assert.equal((await call(server, "POST", "/api/users/logout", { token: dead.token })).status, 200);
  const id = "0123456789abcdef01234567";
  const bad = [
    ["GET", "/api/messages/abc"], ["GET", `/api/messages/${id}?limit=x`],
    ["GET", `/api/messages/${id}?before=1&after=1`], ["GET", "/api/users/abc"], ["GET", "/api/users/search?limit=x"],
    ["GET", "/api/users/search?query=%ff"], ["GET", "/api/chats?page=x"], ["GET", "/api/chats/abc"],
    ["GET", "/api/chats/one-to-one/abc"], ["GET", "/api/chats/group/abc"],
    ["GET", `/api/chats/mine?cursor=${"x".repeat(99)}`], ["DELETE", "/api/users/me/sessions/abc"],
    ["POST", "/api/messages/abc", { content: "x" }], ["POST", `/api/messages/${id}`, { content: 1 }],
    ["POST", `/api/messages/${id}`, { content: " " }], ["POST", `/api/messages/${id}`, "{"],
    ["POST", `/api/messages/${id}`, { content: "x", clientMsgId: "한" }], ["POST", "/api/chats/abc/join"],
    ["POST", "/api/chats/abc/leave"], ["POST", "/api/chats", { users: 1 }], ["POST", "/api/chats", []],
    ["PATCH", "/api/users/me", { password: 1 }], ["POST", "/api/users/logout", { userName: 1 }],
  ];
  const wrong = { 400: bad, 415: [["POST", "/api/chats", "a=b", { "content-type": "text/plain" }]],
    413: [["POST", "/api/chats", `{"a":"${"x".repeat(70_000)}"}`]] };
  for (const [status, requests] of Object.entries(wrong)) {
    for (const [method, path, body, headers] of requests) {
      const of = async (token) => (await call(server, method, path, { body, token, headers })).status;
      assert.equal(await of(user.token), Number(status), `${method} ${path}, alive`);
      assert.equal(await of(dead.token), 401, `${method} ${path}, dead`);
    }
  }
});

test("of a chain of trusted proxies the hop that saw the client names scheme and host", async () => {
  const asked = (fields, origin) => get("/socket.io/?EIO=4&transport=polling", {
    Host: "127.0.0.1:9", ...(origin ? { Origin: origin } : {}), ...fields,
  }, { from: "127.0.0.2" });
  const inner = { "X-Forwarded-For": "203.0.113.9, 127.0.0.3" };
  const chat = "https://chat.example";
  const cases = [
    [{ ...inner, "X-Forwarded-Proto": "https,http", "X-Forwarded-Host": "chat.example, inner" }, chat, 200],
    [{ ...inner, "X-Forwarded-Proto": ["https", "http"], "X-Forwarded-Host": "chat.example" }, chat, 200],
    [{ ...inner, "X-Forwarded-Proto": "http,https", "X-Forwarded-Host": "chat.example" }, chat, 403],
    [{ "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https, http", "X-Forwarded-Host": "chat.example" }, chat, 403],
    [{ "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example, chat.example" }, chat, 200],
    [{ "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "chat.example:443" }, "wss://chat.example", 200],
    [{ "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "chat.example" }, "https://evil.example", 403],
  ];
  for (const [fields, origin, status] of cases) {
    assert.equal((await asked(fields, origin)).status, status, JSON.stringify(fields));
  }
  // A stranger's word about the host is none.
  const stranger = await get("/socket.io/?EIO=4&transport=polling",
    { Origin: "http://evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-For": "203.0.113.9" });
  assert.equal(stranger.status, 403);
});

test("a proxy that nobody has named is warned about once", async () => {
  const other = await startServer();
  try {
    for (let i = 0; i < 20; ++i) {
      await get("/healthz", { "X-Forwarded-For": `203.0.113.${i}` }, { port: other.port, from: `127.0.0.${2 + (i % 3)}` });
    }
    const { code } = await other.stop(); // its whole log is here then
    assert.equal(code, 0);
    const lines = other.log.map((line) => JSON.parse(line)).filter((line) => line.event === "forwarded_for_ignored");
    assert.equal(lines.length, 1, other.log.join("\n"));
    assert.match(lines[0].meaning, /--trusted-proxies 127\.0\.0\.2$/);
  } finally {
    if (other.asked === null) await other.dispose();
  }
});

test("/metrics is open to this machine and to its own token, not to sessions", async () => {
  const file = joinPath(makeDataDir(), "token");
  const token = "0123456789-metrics";
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
  const other = await startServer({ args: ["--metrics-token-file", file] });
  try {
    const guest = await login(other);
    const status = async (headers) => (await call(other, "GET", "/api/metrics", { headers })).status;
    const forwarded = { "X-Forwarded-For": "203.0.113.9" };
    assert.equal(await status({}), 200);
    assert.equal(await status(forwarded), 401);
    for (const bearer of [guest.token, "", token.slice(1), `${token}x`, token.toUpperCase()]) {
      assert.equal(await status({ ...forwarded, Authorization: `Bearer ${bearer}` }), 401, bearer);
    }
    assert.equal(await status({ ...forwarded, Cookie: `maru=${guest.token}` }), 401);
    assert.equal(await status({ ...forwarded, Authorization: `Bearer ${token}` }), 200);
    assert.equal((await call(other, "GET", "/api/users/me", { token })).status, 401, "it opens nothing else");
  } finally {
    await other.dispose();
  }
  writeFileSync(file, "short\n");
  const args = ["--port", "0", "--data-dir", joinPath(makeDataDir(), "data"), "--metrics-token-file"];
  for (const path of [file, `${file}.absent`]) {
    const { code, stderr } = await run([...args, path]);
    assert.equal(code, 1);
    assert.match(stderr, /--metrics-token-file: /);
    assert.doesNotMatch(stderr, /short/);
  }
});
