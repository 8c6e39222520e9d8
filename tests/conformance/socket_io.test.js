// Socket.IO 5: connect, events, acks, binary, disconnect, and what closes a connection
// (protocol.md 1.10).
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { openEngine, openSocket, Polling, Server, sleep, socketio } from "./support.js";

// The pings of the second are far apart, so that a connection that ends there was closed for what it
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

const open = (on = patient) => openEngine(on, socketio("transport=websocket"));
const reasons = async (socket) => {
  socket.send('429["reasons"]');
  return JSON.parse((await socket.nextPacket()).slice(3))[0];
};

describe("connect", () => {
  for (const [packet, answer, auth] of [
    ["40", /^40\{"sid":"[\w-]{20}"\}$/, '42["auth",{}]'],
    ['40{"token":"123"}', /^40\{"sid":"[\w-]{20}"\}$/, '42["auth",{"token":"123"}]'],
    ["40/custom", /^40\/custom,\{"sid":"[\w-]{20}"\}$/, '42/custom,["auth",{}]'],
    ["40/custom,", /^40\/custom,\{"sid":"[\w-]{20}"\}$/, '42/custom,["auth",{}]'],
    ['40/custom,{"token":"abc"}', /^40\/custom,\{"sid":"[\w-]{20}"\}$/, '42/custom,["auth",{"token":"abc"}]'],
  ]) {
    it(`takes ${packet}`, async () => {
      const socket = await open();
      socket.send(packet);
      assert.match(await socket.nextPacket(), answer);
      assert.equal(await socket.nextPacket(), auth);
      await socket.close();
    });
  }

  it("gives a public id that is not the secret one", async () => {
    const socket = await open();
    socket.send("40");
    const { sid } = JSON.parse((await socket.nextPacket()).slice(2));
    assert.ok(!socket.handshake.sid.includes(sid));
    await socket.close();
  });

  it("refuses an unknown namespace; the connection stays until its time-out", async () => {
    const socket = await open();
    socket.send("40/random");
    assert.equal(await socket.nextPacket(), '44/random,{"message":"Invalid namespace"}');
    socket.send("40");
    assert.match(await socket.nextPacket(), /^40\{/);
    await socket.close();
  });

  it("tells why the application refuses, again and again", async () => {
    const socket = await open();
    for (let i = 0; i < 2; ++i) {
      socket.send("40/refused,{}");
      assert.equal(await socket.nextPacket(), '44/refused,{"message":"not \\"today\\"","data":{"code":"closed"}}');
    }
    await socket.close();
  });

  it("closes when no namespace was joined in time", async () => {
    const start = performance.now();
    const socket = await open();
    for (;;) {
      const packet = await Promise.race([socket.next(), socket.ends()]);
      if (packet !== "2") break;
      socket.send("3");
    }
    const elapsed = performance.now() - start;
    assert.ok(elapsed > 900 && elapsed < 3000, `${elapsed} ms`);
  });

  it("has no time-out any more once a namespace was joined, even after 41", async () => {
    const socket = await openSocket(server);
    socket.send("41");
    const start = performance.now();
    while (performance.now() - start < 1300) {
      assert.equal(await socket.next(), "2");
      socket.send("3");
    }
    socket.send("40");
    assert.match(await socket.nextPacket(), /^40\{/);
    await socket.close();
  });

  it("closes a client that says too much before it has joined", async () => {
    const socket = await open();
    socket.send(`40/random,{"a":"${"x".repeat(9000)}"}`);
    assert.equal((await socket.ends()).code, 1009);
    const piecemeal = await open();
    for (let i = 0; i < 9; ++i) piecemeal.send(`40/random,{"a":"${"x".repeat(1000)}"}`);
    assert.equal((await piecemeal.ends()).code, 1005);
  });

  it("refuses a POST that says too much before it has joined, from its length alone", async () => {
    const path = socketio("transport=polling");
    const session = await Polling.open(patient, path);
    const long = `40/random,{"a":"${"x".repeat(9000)}"}`;
    const raw = patient.raw();
    raw.send(`POST ${session.url} HTTP/1.1\r\nHost: a\r\nContent-Length: ${long.length}\r\n\r\n`);
    await raw.until(/^HTTP\/1\.1 413 /);
    raw.close();
    assert.equal((await session.post("40")).body, "ok");
    assert.match((await session.get()).body, /^40\{/);
    assert.equal((await session.post(`42["message","${"x".repeat(9000)}"]`)).body, "ok");
  });

  it("bounds the namespaces of a connection by what exists", async () => {
    const socket = await openSocket(patient);
    for (let i = 0; i < 100; ++i) {
      socket.send(`40/n${i}`);
      assert.equal(await socket.nextPacket(), `44/n${i},{"message":"Invalid namespace"}`);
    }
    await socket.close();
  });
});

describe("events", () => {
  it("come back exactly", async () => {
    const socket = await openSocket(patient);
    socket.send('42["message",1,"2",{"3":[true]}]');
    assert.equal(await socket.nextPacket(), '42["message-back",1,"2",{"3":[true]}]');
    socket.send('42["message","마루 \\u20ac \\ud83d\\ude00"]');
    assert.equal(await socket.nextPacket(), '42["message-back","마루 \\u20ac \\ud83d\\ude00"]');
    await socket.close();
  });

  it("with attachments come back exactly, over both transports", async () => {
    const socket = await openSocket(patient);
    socket.send('452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
    socket.send(Uint8Array.from([1, 2, 3]));
    socket.send(Uint8Array.from([4, 5, 6]));
    assert.equal(await socket.nextPacket(), '452-["message-back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
    assert.deepEqual(await socket.nextPacket(), Buffer.from([1, 2, 3]));
    assert.deepEqual(await socket.nextPacket(), Buffer.from([4, 5, 6]));
    await socket.close();

    const session = await Polling.open(patient, socketio("transport=polling"));
    await session.post("40");
    assert.match((await session.get()).body, /^40\{"sid":"[\w-]{20}"\}\x1e42\["auth",\{\}\]$/);
    await session.post('451-["message",{"_placeholder":true,"num":0}]\x1ebAQID');
    assert.equal((await session.get()).body, '451-["message-back",{"_placeholder":true,"num":0}]\x1ebAQID');
  });

  it("are acknowledged, with and without attachments", async () => {
    const socket = await openSocket(patient);
    socket.send('42456["message-with-ack",1,"2",{"3":[false]}]');
    assert.equal(await socket.nextPacket(), '43456[1,"2",{"3":[false]}]');
    socket.send('420["message-with-ack"]');
    assert.equal(await socket.nextPacket(), "430[]");
    socket.send('452-789["message-with-ack",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
    socket.send(Uint8Array.from([1]));
    socket.send(Uint8Array.from([]));
    assert.equal(await socket.nextPacket(), '462-789[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
    assert.deepEqual(await socket.nextPacket(), Buffer.from([1]));
    assert.deepEqual(await socket.nextPacket(), Buffer.from([]));
    await socket.close();
  });

  it("may be unknown, nameless numbers, or say nothing", async () => {
    const socket = await openSocket(patient);
    for (const packet of ['42["error"]', "42[1,2]", "42[1.5]", "42", '42["unknown",{}]', "431[]", "43999[1]"]) socket.send(packet);
    socket.send('42["message","alive"]');
    assert.equal(await socket.nextPacket(), '42["message-back","alive"]');
    await socket.close();
  });
});

describe("JSON that is well-formed but breaks a bound", () => {
  for (const packet of [
    '42["message",{"a":1,"a":2}]', // quality.md 1, row 18
    `42["message",${"[".repeat(20)}${"]".repeat(20)}]`,
    '42["message","\\ud800"]',
  ]) {
    it(`is refused, and the connection stays: ${packet}`, async () => {
      const socket = await openSocket(patient);
      socket.send(packet);
      assert.equal(await socket.nextPacket(), '42["refused","invalid_json"]');
      socket.send('42["message","alive"]');
      assert.equal(await socket.nextPacket(), '42["message-back","alive"]');
      await socket.close();
    });
  }
});

describe("disconnect", () => {
  it("of the client: no answer, the connection stays", async () => {
    const socket = await openSocket(server);
    socket.send("41");
    assert.equal(await socket.next(), "2");
    await socket.close();
  });

  it("of one namespace leaves the others", async () => {
    const socket = await openSocket(patient);
    socket.send("40/custom");
    await socket.nextPacket();
    await socket.nextPacket();
    socket.send("41/custom");
    socket.send('42["message","to main"]');
    assert.equal(await socket.nextPacket(), '42["message-back","to main"]');
    await socket.close();
  });

  it("by the server: 41, nothing after it, the transport stays", async () => {
    const socket = await openSocket(patient);
    socket.send('42["leave-me"]');
    assert.equal(await socket.nextPacket(), "41");
    await sleep(20);
    socket.send("40");
    assert.match(await socket.nextPacket(), /^40\{/);
    await socket.close();
  });

  it("by the server with the transport: 41 for each namespace, then the end", async () => {
    const socket = await openSocket(patient);
    socket.send("40/custom");
    await socket.nextPacket();
    await socket.nextPacket();
    socket.send('42["kick-me"]');
    assert.equal(await socket.nextPacket(), "41");
    assert.equal(await socket.nextPacket(), "41/custom,");
    assert.equal((await socket.ends()).code, 1005);
  });

  it("over polling: 41 and 1, for the next GETs or a pending one, never in one body", async () => {
    const session = await Polling.open(patient, socketio("transport=polling"));
    await session.post("40");
    await session.get();
    await session.post('42["kick-me"]');
    assert.equal((await session.get()).body, "41");
    assert.equal((await session.get()).body, "1");
    assert.equal((await session.get()).status, 400);
    const other = await Polling.open(patient, socketio("transport=polling"));
    await other.post("40");
    await other.get();
    const waiting = other.get();
    await sleep(20);
    await other.post('42["kick-me"]');
    assert.equal((await waiting).body, "41");
    assert.equal((await other.get()).body, "1");
    assert.equal((await other.get()).status, 400);
  });

  it("by the server of the transport only, without a word: the client comes back", async () => {
    const socket = await openSocket(patient);
    socket.send('42["drop-me"]');
    assert.equal((await socket.ends()).code, 1006);
    const session = await Polling.open(patient, socketio("transport=polling"));
    await session.post("40");
    await session.get();
    const cut = assert.rejects(session.get(), { code: "ECONNRESET" });
    await sleep(20);
    assert.equal((await session.post('42["drop-me"]')).body, "ok");
    await cut;
    assert.equal((await session.get()).status, 400);
    // What it was told before is not lost.
    const told = await Polling.open(patient, socketio("transport=polling"));
    await told.post("40");
    await told.get();
    const waiting = told.get();
    await sleep(20);
    await told.post(`${'42["message",1]\x1e'.repeat(20)}42["drop-me"]`);
    for (const packets of [16, 4]) {
      const { body } = packets === 16 ? await waiting : await told.get();
      assert.equal(body, Array(packets).fill('42["message-back",1]').join("\x1e"));
    }
    assert.equal((await told.get()).status, 400);
  });
});

describe("a connection is closed", () => {
  for (const packets of [
    ["4abc"],
    ["4"],
    ["42{}"],
    ['42abc["message-with-ack",1]'],
    ["42[]"],
    ['42["connect"]'],
    ["40"], // again
    ['42/custom,["message"]'], // not joined
    ["41/custom"],
    ["43/custom,1[]"],
    ['44"error"'],
    ["40/custom,[]"],
    ["40/custom,null"],
    ["41{}"],
    ["43{}"],
    ['450-["message"]'],
    ['4511-["message"]'],
    ['451-["message",{"_placeholder":true,"num":1}]'],
    ['451-["message",{"_placeholder":true,"num":0}]', '42["message"]'], // text among attachments
  ]) {
    it(`by ${packets.join(" then ").slice(0, 70)}`, async () => {
      const socket = await openSocket(patient);
      for (const packet of packets) socket.send(packet);
      assert.equal((await socket.ends()).code, 1005);
    });
  }

  it("by binary without a header, and past the last attachment", async () => {
    const socket = await openSocket(patient);
    socket.send(Uint8Array.from([1]));
    assert.equal((await socket.ends()).code, 1005);
    const other = await openSocket(patient);
    other.send('451-["message",{"_placeholder":true,"num":0}]');
    other.send(Uint8Array.from([1]));
    other.send(Uint8Array.from([1]));
    assert.equal((await other.ends()).code, 1005);
  });

  it("by an event before the namespace was joined", async () => {
    const socket = await open();
    socket.send('42["message"]');
    assert.equal((await socket.ends()).code, 1005);
  });

  it("when a polling client does not fetch what it asked for; others live", async () => {
    const other = await Server.start({ "polling-buffer": 100000, "ping-interval": 25000, threads: 1 });
    const session = await Polling.open(other, socketio("transport=polling"));
    await session.post("40");
    await session.get();
    await session.post('42["flood-me",50]');
    for (const packets of [16, 16, 16, 2]) {
      assert.equal((await session.get()).body.split("\x1e").length, packets);
    }
    await session.post('42["flood-me",200]');
    assert.equal((await session.get()).body, '{"code":1,"message":"Session ID unknown"}');
    const socket = await openSocket(other);
    assert.equal((await reasons(socket))["slow consumer"], 1);
    await socket.close();
    await other.stop();
  });
});

describe("the application hears each socket end once", () => {
  it("with its reason", async () => {
    const other = await Server.start({ threads: 1 });
    const observer = await openSocket(other);
    const last = async (act) => {
      const socket = await openSocket(other);
      const before = await reasons(observer);
      await act(socket);
      for (;;) {
        const now = await reasons(observer);
        const more = Object.keys(now).filter((reason) => now[reason] !== (before[reason] ?? 0));
        if (more.length > 0) {
          assert.equal(more.length, 1);
          assert.equal(now[more[0]], (before[more[0]] ?? 0) + 1);
          socket.socket.terminate();
          return more[0];
        }
        await sleep(10);
      }
    };
    assert.equal(await last((socket) => socket.send("41")), "client namespace disconnect");
    assert.equal(await last((socket) => socket.send('42["leave-me"]')), "server namespace disconnect");
    assert.equal(await last((socket) => socket.send('42["kick-me"]')), "forced server close");
    assert.equal(await last((socket) => socket.send("4abc")), "forced close");
    assert.equal(await last((socket) => socket.send("abc")), "parse error");
    assert.equal(await last((socket) => socket.send("2")), "transport error");
    assert.equal(await last((socket) => socket.send("1")), "transport close");
    assert.equal(await last((socket) => socket.close()), "transport close");
    assert.equal(await last(() => {}), "ping timeout");
    await observer.close();
    await other.stop();
  });
});
