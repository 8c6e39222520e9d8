// Engine.IO 4: handshake, messages, heartbeat, close, upgrade and its races (protocol.md 1.1–1.7).
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { engine, openEngine, pingInterval, pingTimeout, Polling, Server, sleep } from "./support.js";

// The pings of the second are far apart, so that a session that ends there was closed for what it
// said.
let server;
let patient;
before(async () => {
  server = await Server.start();
  patient = await Server.start({ "ping-interval": 25000, "ping-timeout": 20000 });
});
after(async () => {
  await server.stop();
  await patient.stop();
});

describe("handshake", () => {
  it("over polling has five keys in their order", async () => {
    const answer = await server.request(engine("transport=polling"));
    assert.equal(answer.status, 200);
    assert.match(
      answer.body,
      /^0\{"sid":"[\w-]{24}","upgrades":\["websocket"\],"pingInterval":300,"pingTimeout":200,"maxPayload":1000000\}$/,
    );
    assert.equal(answer.headers["content-type"], "text/plain; charset=UTF-8");
    assert.equal(answer.headers["cache-control"], "no-store");
  });

  it("over WebSocket offers no upgrade", async () => {
    const socket = server.websocket(engine("transport=websocket"));
    assert.match(
      await socket.next(),
      /^0\{"sid":"[\w-]{24}","upgrades":\[\],"pingInterval":300,"pingTimeout":200,"maxPayload":1000000\}$/,
    );
    await socket.close();
  });

  it("gives every session another sid", async () => {
    const agent = new (await import("node:http")).Agent({ keepAlive: true, maxSockets: 4 });
    const answers = await Promise.all(
      Array.from({ length: 500 }, () => server.request(engine("transport=polling"), { agent })),
    );
    agent.destroy();
    const sids = new Set(answers.map((answer) => JSON.parse(answer.body.slice(1)).sid));
    assert.equal(sids.size, 500);
  });

  it("ignores unknown parameters", async () => {
    const answer = await server.request(engine("t=1.5&b64=1&transport=polling&foo=%E2%82%AC"));
    assert.equal(answer.status, 200);
  });
});

describe("messages over polling", () => {
  for (const [name, body] of [
    ["one packet", "4hello"],
    ["several packets in one body", "4test1\x1e4test2\x1e4test3"],
    ["text and binary", "4hello\x1ebAQIDBA=="],
    ["an empty message", "4"],
    ["any UTF-8", "4마루 €\u0000😀"],
  ]) {
    it(`echoes ${name}`, async () => {
      const session = await Polling.open(patient);
      const posted = await session.post(body);
      assert.deepEqual([posted.status, posted.body, posted.headers["content-type"]], [200, "ok", "text/html"]);
      assert.equal((await session.get()).body, body);
    });
  }

  it("answers a GET that waits, with all that one POST caused", async () => {
    const session = await Polling.open(patient);
    const waiting = session.get();
    await sleep(20);
    await session.post("4a\x1e4b");
    assert.equal((await waiting).body, "4a\x1e4b");
  });

  it("puts at most 16 packets into an answer, the rest into the next, in order", async () => {
    const session = await Polling.open(patient);
    const packets = Array.from({ length: 57 }, (_, i) => (i % 5 === 0 ? "bAQIDBA==" : `4${i}`));
    const waiting = session.get();
    await sleep(20);
    await session.post(packets.join("\x1e"));
    const answers = [(await waiting).body.split("\x1e")];
    while (answers.flat().length < 57) answers.push((await session.get()).body.split("\x1e"));
    assert.deepEqual(answers.map((answer) => answer.length), [16, 16, 16, 9]);
    assert.deepEqual(answers.flat(), packets);
  });

  it("sends on a WebSocket what no GET has taken", async () => {
    const session = await Polling.open(patient);
    const packets = Array.from({ length: 40 }, (_, i) => `4${i}`);
    await session.post(packets.join("\x1e"));
    assert.equal((await session.get()).body, packets.slice(0, 16).join("\x1e"));
    const socket = await session.upgrade();
    for (const packet of packets.slice(16)) assert.equal(await socket.nextPacket(), packet);
    await socket.close();
  });

  it("takes base64 with ends of lines, as Java and Android send it", async () => {
    const session = await Polling.open(patient);
    const line = Buffer.alloc(57, 7).toString("base64");
    assert.equal((await session.post(`b${line}\n${line}\nAQIDBA==\n\x1e4text`)).body, "ok");
    assert.equal((await session.get()).body, `b${line}${line}AQIDBA==\x1e4text`);
  });

  it("takes a body in chunks and in pieces", async () => {
    const session = await Polling.open(patient);
    const posted = await session.post(undefined, { headers: { "transfer-encoding": "chunked" }, body: "4chunked" });
    assert.equal(posted.body, "ok");
    const raw = patient.raw();
    const head = `POST ${session.url} HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\n`;
    for (const byte of head) raw.send(byte);
    await sleep(20);
    for (const byte of "4piece") {
      raw.send(byte);
      await sleep(1);
    }
    await raw.until(/\r\n\r\nok$/);
    raw.close();
    assert.equal((await session.get()).body, "4chunked\x1e4piece");
  });

  it("keeps a connection for many requests", async () => {
    const agent = new (await import("node:http")).Agent({ keepAlive: true, maxSockets: 1 });
    const session = await Polling.open(patient);
    for (let i = 0; i < 20; ++i) {
      assert.equal((await session.post(`4${i}`, { agent })).body, "ok");
      assert.equal((await session.get({ agent })).body.replace("2\x1e", ""), `4${i}`);
    }
    agent.destroy();
  });
});

describe("messages over WebSocket", () => {
  it("echoes text and binary", async () => {
    const socket = await openEngine(patient);
    socket.send("4hello");
    assert.equal(await socket.nextPacket(), "4hello");
    socket.send(Uint8Array.from([1, 2, 3, 4]));
    assert.deepEqual(await socket.nextPacket(), Buffer.from([1, 2, 3, 4]));
    socket.send("bAQID");
    assert.deepEqual(await socket.nextPacket(), Buffer.from([1, 2, 3]));
    await socket.close();
  });

  it("sends base64 to a client that asks for it", async () => {
    const socket = await openEngine(patient, engine("transport=websocket&b64=1"));
    socket.send("bAQIDBA==");
    assert.equal(await socket.nextPacket(), "bAQIDBA==");
    await socket.close();
  });

  for (const packet of ["abc", "", "7", "b*"]) {
    it(`closes on ${JSON.stringify(packet)}`, async () => {
      const socket = await openEngine(patient);
      socket.send(packet);
      assert.equal((await socket.ends()).code, 1005);
    });
  }

  it("ignores open, upgrade and noop", async () => {
    const socket = await openEngine(patient);
    for (const packet of ["0", "5", "6", "4still here"]) socket.send(packet);
    assert.equal(await socket.nextPacket(), "4still here");
    await socket.close();
  });
});

describe("heartbeat", () => {
  it("pings a polling client", async () => {
    const session = await Polling.open(server);
    for (let i = 0; i < 3; ++i) {
      assert.equal((await session.get()).body, "2");
      assert.equal((await session.post("3")).body, "ok");
    }
  });

  it("pings a WebSocket", async () => {
    const socket = await openEngine(server);
    for (let i = 0; i < 3; ++i) {
      assert.equal(await socket.next(), "2");
      socket.send("3");
    }
    await socket.close();
  });

  it("closes a silent polling session in time, its pending GET without an answer", async () => {
    const session = await Polling.open(server);
    const start = performance.now();
    assert.equal((await session.get()).body, "2");
    await assert.rejects(session.get(), { code: "ECONNRESET" });
    const elapsed = performance.now() - start;
    assert.ok(elapsed > 400 && elapsed < 2000, `${elapsed} ms`);
    assert.equal((await session.get()).status, 400);
  });

  it("forgets a session that is gone after interval and time-out", async () => {
    const session = await Polling.open(server);
    await sleep(pingInterval + pingTimeout);
    assert.equal((await session.get()).status, 400);
  });

  it("closes a silent WebSocket without a close frame", async () => {
    const socket = await openEngine(server);
    assert.equal((await socket.ends()).code, 1006);
  });

  it("closes on a ping from the client", async () => {
    const socket = await openEngine(patient);
    socket.send("2");
    assert.equal((await socket.ends()).code, 1005);
    const session = await Polling.open(patient);
    assert.equal((await session.post("2")).status, 200);
    assert.equal((await session.get()).status, 400);
  });

  it("takes an unsolicited pong", async () => {
    const socket = await openEngine(server);
    socket.send("3");
    socket.send("4x");
    assert.equal(await socket.nextPacket(), "4x");
    await socket.close();
  });
});

describe("close", () => {
  it("answers a pending GET with 6 when the client says 1", async () => {
    const session = await Polling.open(patient);
    const waiting = session.get();
    await sleep(20);
    assert.equal((await session.post("1")).body, "ok");
    assert.equal((await waiting).body, "6");
    assert.equal((await session.get()).status, 400);
  });

  it("answers one late GET with 6 when the client said 1", async () => {
    const session = await Polling.open(patient);
    assert.equal((await session.post("1")).body, "ok");
    assert.equal((await session.get()).body, "6");
    const gone = await session.get();
    assert.deepEqual([gone.status, gone.body], [400, '{"code":1,"message":"Session ID unknown"}']);
  });

  it("closes a WebSocket that says 1", async () => {
    const socket = await openEngine(patient);
    socket.send("1");
    assert.equal((await socket.ends()).code, 1005);
  });

  // `1` and a close frame are a good-bye, after which many stock clients do not come back.
  it("answers no pending GET and sends no close frame when the server stops", async () => {
    const other = await Server.start();
    const session = await Polling.open(other);
    const waiting = session.get();
    const socket = await openEngine(other);
    const cut = assert.rejects(waiting, { code: "ECONNRESET" });
    await sleep(20);
    await other.stop();
    await cut;
    assert.equal((await socket.ends()).code, 1006);
  });
});

describe("upgrade", () => {
  it("sends nothing before the probe, then 6 to every GET until 5", async () => {
    const session = await Polling.open(patient);
    const socket = await session.probe();
    assert.equal((await session.get()).body, "6");
    assert.equal((await session.get()).body, "6"); // again and again, not once
    socket.send("5");
    socket.send("4hello");
    assert.equal(await socket.nextPacket(), "4hello");
    await socket.close();
  });

  it("refuses GET and POST after it", async () => {
    const session = await Polling.open(patient);
    const socket = await session.upgrade();
    socket.send("4x");
    assert.equal(await socket.nextPacket(), "4x");
    for (const answer of [await session.get(), await session.post("4y")]) {
      assert.deepEqual([answer.status, answer.body], [400, '{"code":3,"message":"Bad request"}']);
    }
    socket.send("4alive");
    assert.equal(await socket.nextPacket(), "4alive");
    await socket.close();
  });

  it("turns a second WebSocket away, before and after", async () => {
    const session = await Polling.open(patient);
    const socket = await session.probe();
    const during = session.server.websocket(session.websocketUrl);
    assert.equal((await during.ends()).code, 1005);
    socket.send("5");
    socket.send("4x");
    assert.equal(await socket.nextPacket(), "4x");
    const afterwards = session.server.websocket(session.websocketUrl);
    assert.equal((await afterwards.ends()).code, 1005);
    socket.send("4alive");
    assert.equal(await socket.nextPacket(), "4alive");
    await socket.close();
  });

  it("keeps order across it: what was not polled comes first on the WebSocket", async () => {
    const session = await Polling.open(patient);
    const socket = await session.probe();
    await session.post("4a\x1ebAQID\x1e4b");
    socket.send("5");
    socket.send("4c");
    assert.equal(await socket.nextPacket(), "4a");
    assert.deepEqual(await socket.nextPacket(), Buffer.from([1, 2, 3]));
    assert.equal(await socket.nextPacket(), "4b");
    assert.equal(await socket.nextPacket(), "4c");
    await socket.close();
  });

  it("takes 5 without a probe, and a probe twice", async () => {
    const first = await Polling.open(patient);
    const socket = first.server.websocket(first.websocketUrl);
    await socket.open();
    socket.send("5");
    socket.send("4x");
    assert.equal(await socket.nextPacket(), "4x");
    await socket.close();

    const second = await Polling.open(patient);
    const twice = await second.probe();
    twice.send("2probe");
    assert.equal(await twice.next(), "3probe");
    twice.send("5");
    twice.send("4x");
    assert.equal(await twice.nextPacket(), "4x");
    await twice.close();
  });

  for (const packet of ["2", "4hello", "abc", "3probe", "1"]) {
    it(`drops a WebSocket that begins with ${packet}; the session lives and may try again`, async () => {
      const session = await Polling.open(patient);
      const socket = session.server.websocket(session.websocketUrl);
      await socket.open();
      socket.send(packet);
      assert.equal((await socket.ends()).code, 1005);
      await session.post("4alive");
      assert.equal((await session.get()).body, "4alive");
      const again = await session.upgrade();
      again.send("4x");
      assert.equal(await again.nextPacket(), "4x");
      await again.close();
    });
  }

  it("goes on polling when the WebSocket is lost before 5", async () => {
    const session = await Polling.open(patient);
    const socket = await session.probe();
    socket.socket.terminate();
    await sleep(50);
    await session.post("4alive");
    assert.equal((await session.get()).body, "4alive");
    const again = await session.upgrade();
    again.send("4x");
    assert.equal(await again.nextPacket(), "4x");
    await again.close();
  });

  it("does not close a client whose GET is still pending at 5", async () => {
    const session = await Polling.open(patient);
    const socket = session.server.websocket(session.websocketUrl);
    await socket.open();
    const waiting = session.get();
    await sleep(20);
    socket.send("5");
    assert.equal((await waiting).body, "6");
    socket.send("4x");
    assert.equal(await socket.nextPacket(), "4x");
    await socket.close();
  });

  it("delivers a POST whose body ends after 5", async () => {
    const session = await Polling.open(patient);
    const raw = patient.raw();
    raw.send(`POST ${session.url} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n4`);
    await sleep(50);
    const socket = await session.upgrade();
    socket.send("4x");
    assert.equal(await socket.nextPacket(), "4x");
    raw.send("late");
    assert.equal(await socket.nextPacket(), "4late");
    await raw.until(/\r\n\r\nok$/);
    raw.close();
    await socket.close();
  });

  it("is over when the upgrade's time is; the session lives", async () => {
    const other = await Server.start({ "upgrade-timeout": 300, "ping-interval": 25000 });
    const session = await Polling.open(other);
    const socket = await session.probe();
    assert.equal((await socket.ends()).code, 1005);
    await session.post("4alive");
    assert.equal((await session.get()).body, "4alive");
    const again = await session.upgrade();
    again.send("4x");
    assert.equal(await again.nextPacket(), "4x");
    await again.close();
    await other.stop();
  });

  it("does not lose the heartbeat: a pong that is lost in it still closes the session", async () => {
    const session = await Polling.open(server);
    assert.equal((await session.get()).body, "2");
    const socket = await session.upgrade();
    const start = performance.now();
    assert.equal((await socket.ends()).code, 1006);
    assert.ok(performance.now() - start < 2000);
  });
});
