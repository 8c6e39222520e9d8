// Every row of the table of HTTP errors, byte by byte; CORS; EIO=3 (protocol.md 1.4, 1.5, 1.8).
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { engine, openEngine, Polling, Server, sleep, socketio } from "./support.js";

let server;
before(async () => (server = await Server.start({ "max-payload": 1000, "ping-interval": 25000, "ping-timeout": 20000 })));
after(() => server.stop());

const error = (code) =>
  JSON.stringify({
    code,
    message: ["Transport unknown", "Session ID unknown", "Bad handshake method", "Bad request", "Forbidden", "Unsupported protocol version"][code],
  });
const wrongSid = "AAAAAAAAAAAAAAAAAAAAAAAA";

describe("the error table", () => {
  for (const [name, path, method, status, code] of [
    ["no transport", "/engine.io/?EIO=4", "GET", 400, 0],
    ["an unknown transport", "/engine.io/?EIO=4&transport=abc", "GET", 400, 0],
    ["an inherited name as transport", "/engine.io/?EIO=4&transport=__proto__", "GET", 400, 0],
    ["another", "/engine.io/?EIO=4&transport=constructor", "GET", 400, 0],
    ["transport given twice", "/engine.io/?EIO=4&transport=polling&transport=polling", "GET", 400, 0],
    ["wrong transport and EIO", "/engine.io/?EIO=3&transport=abc", "GET", 400, 0],
    ["an unknown sid", engine(`transport=polling&sid=${wrongSid}`), "GET", 400, 1],
    ["a sid that is none", engine("transport=polling&sid=abc"), "GET", 400, 1],
    ["a sid of a thread that is none", engine(`transport=polling&sid=__${wrongSid.slice(2)}`), "GET", 400, 1],
    ["sid given twice", engine(`transport=polling&sid=${wrongSid}&sid=${wrongSid}`), "GET", 400, 1],
    ["POST to an unknown sid", engine(`transport=polling&sid=${wrongSid}`), "POST", 400, 1],
    ["POST without sid", engine("transport=polling"), "POST", 400, 2],
    ["PUT without sid", engine("transport=polling"), "PUT", 400, 2],
    ["transport=websocket without Upgrade", engine("transport=websocket"), "GET", 400, 3],
    ["no EIO", "/engine.io/?transport=polling", "GET", 400, 5],
    ["EIO=3", "/engine.io/?EIO=3&transport=polling", "GET", 400, 5],
    ["EIO=abc", "/engine.io/?EIO=abc&transport=polling", "GET", 400, 5],
    ["EIO given twice", "/engine.io/?EIO=4&EIO=4&transport=polling", "GET", 400, 5],
    ["EIO=3 on Socket.IO", "/socket.io/?EIO=3&transport=polling", "GET", 400, 5],
  ]) {
    it(`answers ${name} with ${status}, code ${code}`, async () => {
      const answer = await server.request(path, { method });
      assert.equal(answer.status, status);
      assert.equal(answer.body, error(code));
      assert.equal(answer.headers["content-type"], "application/json");
      assert.equal(answer.headers["access-control-allow-origin"], "*");
    });
  }

  it("answers a refused origin with 403, code 4, and no CORS header", async () => {
    const headers = { origin: "https://evil.example" };
    for (const method of ["GET", "POST", "OPTIONS"]) {
      const answer = await server.request(engine("transport=polling"), { method, headers });
      assert.deepEqual([answer.status, answer.body], [403, error(4)]);
      assert.equal(answer.headers["access-control-allow-origin"], undefined);
    }
  });

  it("answers other paths with 404", async () => {
    for (const path of ["/socket.io?EIO=4&transport=polling", "/other", "/"]) {
      assert.equal((await server.request(path)).status, 404);
    }
  });

  it("answers PUT and DELETE to a session with 500, and the session lives", async () => {
    const session = await Polling.open(server);
    for (const method of ["PUT", "DELETE", "PATCH"]) {
      const answer = await session.get({ method });
      assert.deepEqual([answer.status, answer.body], [500, ""]);
    }
    await session.post("4alive");
    assert.equal((await session.get()).body, "4alive");
  });

  it("answers a second GET with 400 and closes the session with 1", async () => {
    const session = await Polling.open(server);
    const first = session.get();
    await sleep(20);
    const second = await session.get();
    assert.deepEqual([second.status, second.body], [400, ""]);
    assert.deepEqual([(await first).status, (await first).body], [200, "1"]);
    assert.equal((await session.get()).body, error(1));
  });

  it("answers a second POST with 400, cuts the first and closes the session", async () => {
    const session = await Polling.open(server);
    const raw = server.raw();
    raw.send(`POST ${session.url} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n4abc`);
    await sleep(50);
    const second = await session.post("4x");
    assert.deepEqual([second.status, second.body], [400, ""]);
    await raw.ends();
    assert.equal(raw.text, "");
    assert.equal((await session.get()).body, error(1));
  });

  it("answers an octet-stream with 400 and closes the session", async () => {
    const session = await Polling.open(server);
    const answer = await session.post("4x", { headers: { "content-type": "application/octet-stream" } });
    assert.deepEqual([answer.status, answer.body], [400, ""]);
    assert.equal((await session.get()).body, error(1));
  });

  it("answers more than maxPayload with 413, the session stays usable; exactly maxPayload is fine", async () => {
    const session = await Polling.open(server);
    const over = await session.post("4" + "x".repeat(1000));
    assert.deepEqual([over.status, over.body], [413, ""]);
    const chunked = await session.post("4" + "x".repeat(1000), { headers: { "transfer-encoding": "chunked" } });
    assert.equal(chunked.status, 413);
    assert.equal((await session.post("4" + "x".repeat(999))).body, "ok");
    assert.equal((await session.get()).body, "4" + "x".repeat(999));
  });

  it("reads a POST of legal packets up to its own bound; each packet is held to maxPayload", async () => {
    const other = await Server.start({ "max-payload": 1000, "post-bytes": 10000, "ping-interval": 25000 });
    const session = await Polling.open(other);
    const packets = (size) => Array(10).fill("4" + "x".repeat(998)).join("\x1e") + "x".repeat(size - 9999);
    for (const options of [{}, { headers: { "transfer-encoding": "chunked" } }]) {
      assert.equal((await session.post(packets(10000), options)).body, "ok");
      assert.equal((await session.get()).body, packets(10000));
      assert.equal((await session.post(packets(10001), options)).status, 413);
      // All or nothing: none of it is done, and the session lives.
      assert.equal((await session.post(`4a\x1e4${"x".repeat(1000)}\x1e4b`, options)).status, 413);
    }
    await session.post("4c");
    assert.equal((await session.get()).body, "4c");
    await other.stop();
  });

  it("answers a long POST with 503 when there is no room, and lets the session go", async () => {
    const flags = { "max-payload": 1000, "post-bytes": 10000, "post-budget": 20000, "ping-interval": 25000, threads: 1 };
    const other = await Server.start(flags);
    const body = Array(10).fill("4" + "x".repeat(998)).join("\x1e");
    const holders = [];
    for (let i = 0; i < 2; ++i) {
      const session = await Polling.open(other);
      const raw = other.raw();
      raw.send(`POST ${session.url} HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\nExpect: 100-continue\r\n\r\n`);
      await raw.until(/100 Continue/);
      holders.push({ session, raw });
    }
    const late = await Polling.open(other);
    const cut = assert.rejects(late.get(), { code: "ECONNRESET" });
    await sleep(20);
    const refused = await late.post(body);
    assert.deepEqual([refused.status, refused.headers["retry-after"]], [503, "5"]);
    await cut;
    assert.equal((await late.get()).body, error(1));
    const short = await Polling.open(other);
    assert.equal((await short.post("4short")).body, "ok");
    // One that gives up makes room.
    holders[0].raw.close();
    for (let status = 503; status === 503;) status = (await (await Polling.open(other)).post(body)).status;
    holders[1].raw.close();
    await other.stop();
  });

  for (const body of ["abc", "", "4a\x1e", "\x1e4a", "b*"]) {
    it(`answers ${JSON.stringify(body)} with ok; the session is gone`, async () => {
      const session = await Polling.open(server);
      assert.equal((await session.post(body)).status, 200);
      assert.equal((await session.get()).body, error(1));
    });
  }

  it("processes the packets before the faulty one", async () => {
    const session = await Polling.open(server);
    const waiting = session.get();
    await sleep(20);
    await session.post("4good\x1exbad");
    assert.equal((await waiting).body, "4good");
    assert.equal((await session.get()).body, error(1));
  });

  it("closes the session when a GET or a POST is aborted", async () => {
    for (const send of [
      (session, raw) => raw.send(`GET ${session.url} HTTP/1.1\r\nHost: a\r\n\r\n`),
      (session, raw) => raw.send(`POST ${session.url} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n4`),
    ]) {
      const session = await Polling.open(server);
      const raw = server.raw();
      send(session, raw);
      await sleep(50);
      raw.close();
      await sleep(50);
      assert.equal((await session.get()).body, error(1));
    }
  });

  it("answers polling on a WebSocket session with code 3", async () => {
    const socket = await openEngine(server);
    const path = engine(`transport=polling&sid=${socket.handshake.sid}`);
    for (const method of ["GET", "POST"]) {
      assert.equal((await server.request(path, { method })).body, error(3));
    }
    await socket.close();
  });

  it("answers transport=websocket without Upgrade on a session with code 3", async () => {
    const session = await Polling.open(server);
    assert.equal((await server.request(session.websocketUrl)).body, error(3));
  });
});

describe("refused upgrades", () => {
  for (const [name, path, message] of [
    ["an unknown sid", engine(`transport=websocket&sid=${wrongSid}`), "Session ID unknown"],
    ["an unknown transport", engine("transport=abc"), "Transport unknown"],
    ["no transport", "/engine.io/?EIO=4", "Transport unknown"],
    ["EIO=3", "/engine.io/?EIO=3&transport=websocket", "Unsupported protocol version"],
    ["no EIO", "/engine.io/?transport=websocket", "Unsupported protocol version"],
  ]) {
    it(`answers ${name} with 400 and a text`, async () => {
      const answer = await server.websocket(path).refused();
      assert.deepEqual([answer.status, answer.body, answer.headers["content-type"]], [400, message, "text/html"]);
      assert.equal(answer.headers.connection, "close");
    });
  }

  // The reference answers 400 here too; whoever may not connect is told so on every request.
  it("answers a refused origin with 403 Forbidden and no CORS header", async () => {
    const socket = server.websocket(engine("transport=websocket"), { origin: "https://evil.example" });
    const answer = await socket.refused();
    assert.deepEqual([answer.status, answer.body], [403, "Forbidden"]);
    assert.equal(answer.headers["access-control-allow-origin"], undefined);
  });

  it("accepts and closes transport=polling", async () => {
    const socket = server.websocket(engine("transport=polling"));
    assert.equal((await socket.ends()).code, 1005);
  });

  it("answers bad handshakes with 400", async () => {
    for (const fields of [
      "Upgrade: websocket\r\nSec-WebSocket-Version: 12\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
      "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n",
      "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
    ]) {
      const raw = server.raw();
      raw.send(`GET ${engine("transport=websocket")} HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n${fields}\r\n`);
      await raw.until(/^HTTP\/1\.1 4\d\d /);
      await raw.ends();
    }
  });

  it("ignores an offer of another protocol: the request is like any other", async () => {
    const raw = server.raw();
    const offer = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n";
    raw.send(`GET ${engine("transport=websocket")} HTTP/1.1\r\nHost: a\r\n${offer}\r\n`);
    await raw.until(/^HTTP\/1\.1 400 [^]*\{"code":3,"message":"Bad request"\}$/);
    raw.text = "";
    raw.send(`GET ${engine("transport=polling")} HTTP/1.1\r\nHost: a\r\n${offer}\r\n`);
    await raw.until(/^HTTP\/1\.1 200 [^]*"maxPayload":1000\}$/);
    raw.close();
  });

  it("leaves a session alone whose upgrade was faulty", async () => {
    const session = await Polling.open(server);
    const raw = server.raw();
    raw.send(`GET ${session.websocketUrl} HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n`);
    await raw.until(/^HTTP\/1\.1 400 /);
    const socket = await session.upgrade();
    socket.send("4x");
    assert.equal(await socket.nextPacket(), "4x");
    await socket.close();
  });
});

describe("limits of a WebSocket", () => {
  it("closes with 1009 and no reason past maxPayload", async () => {
    const socket = await openEngine(server);
    socket.send("4" + "x".repeat(999));
    assert.equal((await socket.nextPacket()).length, 1000);
    socket.send("4" + "x".repeat(1000));
    assert.deepEqual(await socket.ends(), { code: 1009, reason: "" });
  });

  it("answers a ping frame and echoes a close code", async () => {
    const socket = await openEngine(server);
    const pong = new Promise((resolve) => socket.socket.once("pong", resolve));
    socket.socket.ping("payload");
    assert.equal((await pong).toString(), "payload");
    socket.socket.close(1000);
    assert.equal((await socket.ends()).code, 1000);
  });

  it("echoes the first subprotocol and negotiates no compression", async () => {
    const socket = server.websocket(engine("transport=websocket"), { perMessageDeflate: true }, ["one", "two"]);
    await socket.open();
    assert.equal(socket.socket.protocol, "one");
    assert.equal(socket.socket.extensions, "");
    await socket.close();
  });
});

describe("CORS", () => {
  it("answers a preflight before it looks at anything else", async () => {
    for (const path of [engine("transport=polling"), engine(`transport=abc&sid=${wrongSid}`), "/socket.io/"]) {
      const answer = await server.request(path, {
        method: "OPTIONS",
        headers: { origin: "https://a.example", "access-control-request-headers": "x-a, x-b" },
      });
      assert.equal(answer.status, 204);
      assert.equal(answer.body, "");
      assert.equal(answer.headers["access-control-allow-origin"], "*");
      assert.equal(answer.headers["access-control-allow-methods"], "GET,HEAD,PUT,PATCH,POST,DELETE");
      assert.equal(answer.headers["access-control-allow-headers"], "x-a, x-b");
      assert.equal(answer.headers.vary, "Access-Control-Request-Headers");
    }
  });

  it("adds its fields to every answer, 101 included", async () => {
    const session = await Polling.open(server);
    assert.equal((await session.post("4x")).headers["access-control-allow-origin"], "*");
    assert.equal((await session.get()).headers["access-control-allow-origin"], "*");
    const raw = server.raw();
    raw.send(
      `GET ${socketio("transport=websocket")} HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n` +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    await raw.until(/^HTTP\/1\.1 101 [^]*Access-Control-Allow-Origin: \*[^]*\r\n\r\n/i);
    raw.close();
  });
});
