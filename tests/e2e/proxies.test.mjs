// nginx, HAProxy, Caddy and Apache in front of the real binary: as docs/operations/proxies.md says it,
// and with the shortest configuration that forwards anything. Stock clients over every transport.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { join as joinPath } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort, makeDataDir, startServer } from "../support/server.mjs";
import { makeCertificate } from "../support/certificate.mjs";
import { documented, edit, startProxy } from "../support/proxies.mjs";
import { createGroup, join, login, open, send, TRANSPORTS, until } from "../support/api.mjs";

const directory = makeDataDir();
const file = (name) => joinPath(directory, name);
// How long Maru keeps an idle connection here, and the documented proxies, in the proportion of the
// documentation (75 s and 60 s).
const IDLE = { maruMs: 1250, proxyMs: 1000 };
let server, ca;
const proxies = [];

before(async () => {
  ({ ca } = makeCertificate(directory));
  writeFileSync(file("both.pem"), Buffer.concat([ca, readFileSync(file("key.pem"))]));
  server = await startServer({
    args: ["--trusted-proxies", "127.0.0.1", "--rate-limits", "off",
      "--keep-alive-timeout-ms", String(IDLE.maruMs)],
  });
});
after(async () => {
  await Promise.all(proxies.map((proxy) => proxy.stop()));
  await server.dispose();
});

// What has to be changed of the documented configurations: names, ports, files and, to see the end of
// an idle connection within the test, its time.
const DOCUMENTED = {
  nginx: (port) => edit(documented("nginx"), [
    ["listen 443 ssl", `listen 127.0.0.1:${port} ssl`], ["127.0.0.1:5001", `127.0.0.1:${server.port}`],
    ["/etc/letsencrypt/live/chat.example.org/fullchain.pem", file("cert.pem")],
    ["/etc/letsencrypt/live/chat.example.org/privkey.pem", file("key.pem")],
    ["keepalive 32;", `keepalive 32;\n  keepalive_timeout ${IDLE.proxyMs}ms;`],
  ]),
  haproxy: (port) => edit(documented("haproxy"), [
    ["bind :443", `bind 127.0.0.1:${port}`], ["127.0.0.1:5001", `127.0.0.1:${server.port} pool-purge-delay ${IDLE.proxyMs}ms`],
    ["/etc/haproxy/chat.example.org.pem", file("both.pem")],
  ]),
  caddy: (port) => edit(documented("caddy"), [
    ["chat.example.org {", `https://localhost:${port} {\n\tbind 127.0.0.1\n\ttls ${file("cert.pem")} ${file("key.pem")}`],
    ["127.0.0.1:5001", `127.0.0.1:${server.port}`], ["keepalive 60s", `keepalive ${IDLE.proxyMs}ms`],
  ]),
  apache: (port) => `Listen 127.0.0.1:${port}\n` + edit(documented("apache"), [
    ["*:443", `127.0.0.1:${port}`], ["127.0.0.1:5001", `127.0.0.1:${server.port}`],
    ["/etc/letsencrypt/live/chat.example.org/fullchain.pem", file("cert.pem")],
    ["/etc/letsencrypt/live/chat.example.org/privkey.pem", file("key.pem")],
    ["ttl=60", `ttl=${Math.floor(IDLE.proxyMs / 1000)}`],
  ]),
};

// What forwards at all, and what the page says of it.
const SHORTEST = {
  nginx: {
    site: (port) => `server { listen 127.0.0.1:${port}; location / { proxy_pass http://127.0.0.1:${server.port}; } }\n`,
    websocket: false, ownOrigin: 403, metrics: 200,
  },
  haproxy: {
    site: (port) => "defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n" +
      `frontend f\n  bind 127.0.0.1:${port}\n  default_backend b\nbackend b\n  server s 127.0.0.1:${server.port}\n`,
    websocket: true, ownOrigin: 200, metrics: 200,
  },
  caddy: {
    site: (port) => `http://localhost:${port} {\n\treverse_proxy 127.0.0.1:${server.port}\n}\n`,
    websocket: true, ownOrigin: 200, metrics: 401,
  },
  apache: {
    site: (port) => `Listen 127.0.0.1:${port}\nProxyPass / http://127.0.0.1:${server.port}/\n`,
    websocket: false, ownOrigin: 200, metrics: 401,
  },
};

async function start(kind, makeSite) {
  const port = await freePort();
  const proxy = await startProxy(kind, { site: makeSite(port), port, under: directory });
  proxies.push(proxy);
  return proxy;
}

// One request through the proxy, by a connection that the agent keeps.
function ask(url, { method = "GET", headers = {}, body, agent } = {}) {
  return new Promise((resolve, reject) => {
    const request = (url.startsWith("https:") ? https : http).request(url, {
      method, agent, ca,
      headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    }, (response) => {
      let text = "";
      response.on("data", (chunk) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, text }));
    });
    request.on("error", reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

// A chat over these transports: joined, sent, heard. Answers the transport that it ended on.
async function chats(url, transports, user, group, { ends }) {
  const socket = open({ url }, { token: user.token, transports, ca });
  try {
    await new Promise((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("connect_error", reject);
    });
    const text = `${url} ${transports}`;
    const heard = new Promise((resolve) => {
      socket.on("message", (message) => message.content === text && resolve());
    });
    await join(socket, group);
    if (ends) await until(() => socket.io.engine.transport.name === ends, `the transport ${ends}`);
    assert.equal((await send(socket, group, text)).ok, true);
    await heard;
    return socket.io.engine.transport.name;
  } finally {
    socket.disconnect();
  }
}

// POSTs over connections that have idled for about as long as the proxy keeps them.
async function burst(url, user, group) {
  const agent = new (url.startsWith("https:") ? https : http).Agent({ keepAlive: true, ca, maxSockets: 12 });
  const post = () => ask(`${url}/api/messages/${group._id}`, {
    method: "POST", agent, headers: { authorization: `Bearer ${user.token}` }, body: { content: "burst" },
  });
  const all = () => Promise.all(Array.from({ length: 12 }, post));
  const statuses = (answers) => answers.map((answer) => answer.status);
  const good = Array(12).fill(201);
  assert.deepEqual(statuses(await all()), good);
  await sleep(IDLE.proxyMs - 20);
  assert.deepEqual(statuses(await all()), good, "after idling");
  agent.destroy();
}

async function setUp() {
  const user = await login(server);
  return { user, group: await createGroup(server, user) };
}

for (const kind of Object.keys(DOCUMENTED)) {
  test(`${kind} as documented`, async () => {
    const { port } = await start(kind, DOCUMENTED[kind]);
    const url = `https://localhost:${port}`;
    const { user, group } = await setUp();
    await Promise.all([
      burst(url, user, group),
      ...Object.values(TRANSPORTS).map(async (transports) => {
        const ends = transports.at(-1);
        assert.equal(await chats(url, transports, user, group, { ends }), ends);
      }),
    ]);
    // A browser's login: own origin, then by cookie.
    const origin = { origin: url };
    const entered = await ask(`${url}/api/users/login`,
      { method: "POST", headers: origin, body: { userName: `page${kind}` } });
    assert.equal(entered.status, 200, entered.text);
    const [cookie] = entered.headers["set-cookie"];
    assert.match(cookie, /^__Host-maru=.*; Secure$/);
    const me = await ask(`${url}/api/users/me`, { headers: { ...origin, cookie: cookie.split(";")[0] } });
    assert.equal(me.status, 200, me.text);
    for (const foreign of [`http://localhost:${port}`, "https://evil.example", "https://localhost"]) {
      assert.equal((await ask(`${url}/api/users/me`, { headers: { origin: foreign } })).status, 403, foreign);
    }
    // A client's own word about the host counts for nothing.
    assert.equal((await ask(`${url}/api/users/me`,
      { headers: { origin: "https://evil.example", "x-forwarded-host": "evil.example" } })).status, 403);
    for (const path of ["/metrics", "/api/metrics", "/%6detrics", "/metrics?x"]) {
      const { status, text } = await ask(url + path);
      assert.ok(status >= 400 && status < 500 && !text.includes("maru_connections"), `${path}: ${status}`);
    }
  });

  test(`${kind} with its defaults`, async () => {
    const { site, websocket, ownOrigin, metrics } = SHORTEST[kind];
    const { port } = await start(kind, site);
    const url = `http://localhost:${port}`;
    const { user, group } = await setUp();
    assert.equal(await chats(url, ["polling"], user, group, {}), "polling");
    if (websocket) {
      assert.equal(await chats(url, ["websocket"], user, group, {}), "websocket");
      assert.equal(await chats(url, TRANSPORTS.upgrade, user, group, { ends: "websocket" }), "websocket");
    } else {
      await assert.rejects(chats(url, ["websocket"], user, group, {}));
      assert.equal(await chats(url, TRANSPORTS.upgrade, user, group, {}), "polling", "no upgrade, but it chats");
    }
    const page = await ask(`${url}/api/users/me`,
      { headers: { origin: url, authorization: `Bearer ${user.token}` } });
    assert.equal(page.status, ownOrigin, page.text);
    assert.equal((await ask(`${url}/metrics`)).status, metrics);
  });
}
