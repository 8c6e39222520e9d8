// The known vulnerabilities of this protocol's implementations, as inputs (quality.md 1). After each
// the server still serves.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { after, before, beforeEach, afterEach, describe, it } from "node:test";
import { engine, openEngine, openSocket, Polling, Server, sleep, socketio } from "./support.js";

let server;
before(async () => (server = await Server.start({ "max-payload": 65536, "ping-interval": 25000, "ping-timeout": 20000 })));
after(() => server.stop());

// A sanitizer keeps what was freed, so its memory says nothing.
const rss = () => (process.env.MARU_SANITIZE ? 0 : residentKib());
const residentKib = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.child.pid}/status`, "latin1"))[1]);
const descriptors = () => readdirSync(`/proc/${server.child.pid}/fd`).length;

let descriptorsBefore;
beforeEach(() => (descriptorsBefore = descriptors()));
afterEach(async () => {
  const socket = await openSocket(server);
  socket.send('42["message","alive"]');
  assert.equal(await socket.nextPacket(), '42["message-back","alive"]');
  await socket.close();
});

const closes = async (packet) => {
  const socket = await openSocket(server);
  socket.send(packet);
  assert.equal((await socket.ends()).code, 1005, packet.slice(0, 80));
};

describe("polling", () => {
  // What `attack` leaves behind, once the allocator has seen one.
  const growth = async (attack) => {
    await attack();
    const before = rss();
    for (let i = 0; i < 3; ++i) await attack();
    return rss() - before;
  };

  it("CVE-2020-36048: an announced 100 MB body is refused at once", async () => {
    const grown = await growth(async () => {
      const session = await Polling.open(server);
      const raw = server.raw();
      raw.send(`POST ${session.url} HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n`);
      await raw.until(/^HTTP\/1\.1 413 /);
      raw.send("x".repeat(1_000_000));
      await raw.ends();
      await session.post("4alive");
      assert.equal((await session.get()).body, "4alive");
      await session.post("1");
    });
    assert.ok(grown < 1024, `${grown} KiB`);
  });

  it("CVE-2020-36048: endless chunks end with 413, and with the connection", async () => {
    const chunk = `10000\r\n${"x".repeat(65536)}\r\n`;
    const grown = await growth(async () => {
      const session = await Polling.open(server);
      const raw = server.raw();
      raw.send(`POST ${session.url} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`);
      raw.send(chunk);
      raw.send(chunk);
      await raw.until(/^HTTP\/1\.1 413 /);
      const send = () => new Promise((resolve) => raw.socket.write(chunk, resolve));
      let sent = 0;
      while (sent < 4000 && !(await send())) ++sent;
      await raw.ends();
      assert.ok(sent < 4000, "it read 250 MB");
      await session.post("1");
    });
    assert.ok(grown < 1024, `${grown} KiB`);
  });

  it("CVE-2020-36048: 32 KiB of pings end the session at the first", async () => {
    const session = await Polling.open(server);
    assert.equal((await session.post("2\x1e".repeat(16384))).status, 200);
    assert.equal((await session.get()).status, 400);
  });

  it("64 KiB of empty messages are echoed", async () => {
    const session = await Polling.open(server);
    const body = Array(32768).fill("4").join("\x1e");
    assert.equal((await session.post(body)).body, "ok");
    const agent = new (await import("node:http")).Agent({ keepAlive: true, maxSockets: 1 });
    const answers = [];
    for (let left = 32768; left > 0; left -= 16) answers.push((await session.get({ agent })).body);
    agent.destroy();
    assert.equal(answers.join("\x1e"), body);
  });

  it("fc11285e: an octet-stream is refused", async () => {
    const session = await Polling.open(server);
    assert.equal((await session.post("\0\x01\xff4", { headers: { "content-type": "application/octet-stream" } })).status, 400);
    assert.equal((await session.get()).status, 400);
  });

  it("CVE-2023-31125: odd queries", async () => {
    for (const [query, code] of [
      ["transport=__proto__&EIO=4", 0],
      ["transport=constructor&EIO=4", 0],
      ["transport=hasOwnProperty&EIO=4", 0],
      ["transport=polling&transport=websocket&EIO=4", 0],
      ["transport[]=polling&EIO=4", 0],
      ["transport=polling&EIO=__proto__", 5],
      ["transport=polling&EIO=4&EIO=3", 5],
      ["transport=polling&EIO=4%00", 5],
      ["transport=polling&EIO=4&sid=__proto__", 1],
      ["transport=polling&EIO=4&sid=%00", 1],
      ["transport=polling&EIO=4&sid[]=a&sid=a", 1],
      ["&&&=&=&%&%z&EIO", 0],
    ]) {
      const answer = await server.request(`/engine.io/?${query}`);
      assert.equal(answer.status, 400);
      assert.equal(JSON.parse(answer.body).code, code, query);
    }
  });

  it("row 25: the sid of another session's thread, cut or changed, is unknown", async () => {
    const { sid } = (await Polling.open(server)).handshake;
    const flip = (c) => (c === "A" ? "B" : "A");
    for (const wrong of [sid.slice(0, -1), `${sid}A`, sid.slice(0, -1) + flip(sid.at(-1)), sid.slice(0, 10) + flip(sid[10]) + sid.slice(11), sid.replace(/./, "~")]) {
      const answer = await server.request(engine(`transport=polling&sid=${wrong}`));
      assert.equal(answer.body, '{"code":1,"message":"Session ID unknown"}');
    }
  });
});

describe("upgrade", () => {
  const head = (path, fields = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n") =>
    `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n${fields}`;

  it("CVE-2022-21676: garbage behind the handshake, with and without sid", async () => {
    const session = await Polling.open(server);
    for (const path of [engine("transport=websocket"), session.websocketUrl]) {
      const raw = server.raw();
      raw.send(head(path) + "Content-Length: 4\r\n\r\ntest");
      await raw.until(/^HTTP\/1\.1 101 [^]*\x88\x02\x03\xea/);
      await raw.ends();
    }
    await session.post("4alive");
    assert.equal((await session.get()).body, "4alive");
  });

  it("CVE-2022-41940: h2c, and a reset while it is refused; no descriptor leaks", async () => {
    const before = descriptorsBefore;
    for (let i = 0; i < 50; ++i) {
      const raw = server.raw();
      raw.send(head("/engine.io/?EIO=4&transport=abc", "Upgrade: h2c\r\n") + "\r\n");
      if (i % 2 === 0) raw.socket.resetAndDestroy();
      else {
        await raw.until(/^HTTP\/1\.1 400 /);
        raw.close();
      }
    }
    for (let i = 0; i < 200 && descriptors() > before; ++i) await sleep(20);
    assert.ok(descriptors() <= before, `${descriptors()} > ${before}`);
  });

  it("CVE-2024-37890: 2,000 fields are too many", async () => {
    const raw = server.raw();
    raw.send(head(engine("transport=websocket")) + Array.from({ length: 2000 }, (_, i) => `x${i}: 1\r\n`).join("") + "\r\n");
    await raw.until(/^HTTP\/1\.1 431 /);
    raw.close();
  });

  it("CVE-2021-32640 and 2017: odd extensions and protocols", async () => {
    for (const field of ["Sec-WebSocket-Extensions: constructor", "Sec-WebSocket-Extensions: permessage-deflate; __proto__=1", `Sec-WebSocket-Protocol: a${" ".repeat(10000)}b`, `Sec-WebSocket-Protocol: ${",".repeat(10000)}`]) {
      const raw = server.raw();
      const start = performance.now();
      raw.send(head(engine("transport=websocket")) + `${field}\r\n\r\n`);
      await raw.until(/^HTTP\/1\.1 (101|400) /);
      assert.ok(performance.now() - start < 2000);
      raw.close();
    }
  });
});

describe("packets", () => {
  it("CVE-2022-2421: placeholders that name no attachment", async () => {
    for (const number of ['"splice"', "-1", "1.5", "99", "null", "1e400"]) {
      await closes(`451-["x",{"_placeholder":true,"num":${number}}]`);
    }
  });

  it("CVE-2023-32695: what is no event", async () => {
    for (const packet of ['2[{"toString":"foo"}]', '2[true,"foo"]', '2[null,"bar"]', '2["connect"]', '2["disconnect","123"]', "0[]", "1/admin,{}", "51", "5a-", "51.23-", "999", '442["some","data"']) {
      await closes(`4${packet}`);
    }
  });

  it("CVE-2024-38355: `error` is an event like others, listeners' names are reserved", async () => {
    const socket = await openSocket(server);
    socket.send('42["error"]');
    socket.send('42["message",1]');
    assert.equal(await socket.nextPacket(), '42["message-back",1]');
    await socket.close();
    await closes('42["newListener"]');
    await closes('42["removeListener"]');
  });

  it("CVE-2026-33151: too many attachments announced", async () => {
    await closes('45999999999-["x"]');
    await closes('4511-["x"]');
  });

  it("attachments together are bounded", async () => {
    const socket = await openSocket(server);
    socket.send('4510-["message"]');
    for (let i = 0; i < 3; ++i) socket.send(Buffer.alloc(30000));
    assert.equal((await socket.ends()).code, 1005);
  });

  it("CVE-2020-36049: long digits, namespaces and nests are linear", async () => {
    const start = performance.now();
    for (const packet of [`42${"1".repeat(65000)}`, `45${"1".repeat(65000)}`, `42/${"a".repeat(65000)}`, `42["a",${"[".repeat(65000)}`, `42["a",${"1".repeat(64000)}]`.slice(0, 64000)]) {
      await closes(packet);
    }
    const socket = await openSocket(server);
    socket.send(`42["${"\\ud800".repeat(10000)}"]`);
    assert.equal(await socket.nextPacket(), '42["refused","invalid_json"]');
    socket.send(`42["message","${"x".repeat(65000)}"]`);
    assert.equal((await socket.nextPacket()).length, 65021);
    await socket.close();
    assert.ok(performance.now() - start < 10000);
  });

  it("CVE-2017-16031: 10,000 sids differ", async () => {
    const agent = new (await import("node:http")).Agent({ keepAlive: true, maxSockets: 8 });
    const sids = new Set();
    const work = async () => {
      for (let i = 0; i < 1250; ++i) {
        const answer = await server.request(socketio("transport=polling"), { agent });
        sids.add(JSON.parse(answer.body.slice(1)).sid);
      }
    };
    await Promise.all(Array.from({ length: 8 }, work));
    agent.destroy();
    assert.equal(sids.size, 10000);
  });
});

describe("frames", () => {
  const upgraded = async () => {
    const raw = server.raw();
    raw.send(
      `GET ${engine("transport=websocket")} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    await raw.until(/"maxPayload":65536\}/);
    raw.text = "";
    return raw;
  };
  const frame = (first, size) => Buffer.from([first, 0x80 | size, 0, 0, 0, 0]);

  it("CVE-2016-10542: a frame that announces 1 GB is refused without memory for it", async () => {
    const before = rss();
    const raw = await upgraded();
    raw.send(Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0]));
    await raw.until(/\x88\x02\x03\xf1/);
    await raw.ends();
    assert.ok(rss() - before < 2048);
  });

  it("endless and empty fragments are refused", async () => {
    for (const size of [0, 1]) {
      const raw = await upgraded();
      raw.send(Buffer.concat([frame(0x01, 0), ...Array.from({ length: 1000 }, () => Buffer.concat([frame(0x00, size), Buffer.alloc(size, 0x34)]))]));
      await raw.until(/\x88\x02\x03(\xf0|\xf1)/);
      await raw.ends();
    }
  });

  it("unmasked, RSV bits, unknown opcodes: 1002; bad UTF-8: 1007", async () => {
    for (const [bytes, code] of [
      [[0x81, 0x01, 0x34], "\\x03\\xea"],
      [[0xc1, 0x81, 0, 0, 0, 0, 0x34], "\\x03\\xea"],
      [[0x83, 0x81, 0, 0, 0, 0, 0x34], "\\x03\\xea"],
      [[0x81, 0x82, 0, 0, 0, 0, 0x34, 0xff], "\\x03\\xef"],
    ]) {
      const raw = await upgraded();
      raw.send(Buffer.from(bytes));
      await raw.until(new RegExp(`\\x88\\x02${code}`));
      await raw.ends();
    }
  });
});

describe("sessions that come and go", () => {
  it("leave nothing behind", async () => {
    const round = async () => {
      const sockets = await Promise.all(Array.from({ length: 100 }, () => openSocket(server)));
      for (const [i, socket] of sockets.entries()) {
        if (i % 3 === 0) socket.socket.terminate();
        else if (i % 3 === 1) socket.send("1");
        else socket.socket.close();
      }
      await Promise.all(sockets.map((socket) => socket.ends()));
    };
    await round();
    await sleep(100);
    const before = rss();
    for (let i = 0; i < 10; ++i) await round();
    for (let i = 0; i < 200 && descriptors() > descriptorsBefore; ++i) await sleep(20);
    assert.ok(descriptors() <= descriptorsBefore);
    assert.ok(rss() - before < 4096, `${rss() - before} KiB`);
  });

  it("an upgrade that is reset at any point leaves the server alive", async () => {
    for (let step = 0; step < 4; ++step) {
      const session = await Polling.open(server);
      const waiting = session.get().catch(() => {});
      const socket = server.websocket(session.websocketUrl);
      await socket.open();
      if (step > 0) socket.send("2probe");
      if (step > 1) await socket.next();
      if (step > 2) socket.send("5");
      socket.socket._socket.resetAndDestroy();
      await sleep(20);
      await session.post("1").catch(() => {});
      await waiting;
    }
    const engineSocket = await openEngine(server);
    await engineSocket.close();
  });
});
