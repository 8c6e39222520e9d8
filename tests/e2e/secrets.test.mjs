// Passwords do not stay in the server's memory, whatever became of the request that brought them.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { connect } from "node:net";
import { test } from "node:test";
import { startServer } from "../support/server.mjs";
import { call, uniqueName } from "../support/api.mjs";
import { untilClosed, untilRead } from "../support/tcp.mjs";

// Where `text` stands in the process's memory. Only a parent or root may look.
function findInMemory(pid, text) {
  const wanted = Buffer.from(text);
  const found = [];
  const memory = openSync(`/proc/${pid}/mem`, "r");
  for (const line of readFileSync(`/proc/${pid}/maps`, "utf8").split("\n")) {
    const range = /^([0-9a-f]+)-([0-9a-f]+) rw.. \S+ \S+ \S+ *(.*)$/.exec(line);
    if (!range) continue;
    const [begin, end] = [BigInt(`0x${range[1]}`), BigInt(`0x${range[2]}`)];
    const chunk = Buffer.alloc(1 << 20);
    for (let at = begin; at < end; at += BigInt(chunk.length - wanted.length)) {
      const size = Number(end - at < BigInt(chunk.length) ? end - at : BigInt(chunk.length));
      let got = 0;
      try {
        got = readSync(memory, chunk, 0, size, at);
      } catch (error) {
        assert.equal(error.code, "EIO"); // a guard page
      }
      if (chunk.subarray(0, got).includes(wanted)) found.push(`${range[3] || "anonymous"} ${at.toString(16)}`);
    }
  }
  closeSync(memory);
  return found;
}

// Sends each part when the server has read the one before, so that each is a read of its own; reads until `answers` have
// come.
async function exchange(server, parts, answers = 1) {
  const socket = connect(server.port, "127.0.0.1");
  socket.setNoDelay(true);
  let text = "";
  const done = new Promise((resolve, reject) => {
    socket.on("data", (bytes) => {
      text += bytes;
      if (text.split("HTTP/1.1 ").length > answers) resolve();
    });
    socket.on("close", resolve);
    socket.on("error", reject);
  });
  for (const part of parts) {
    socket.write(part);
    await untilRead(socket);
  }
  await done;
  socket.destroy();
  return text;
}

const head = (fields, body) =>
  `POST /api/users/login HTTP/1.1\r\nHost: x\r\n${fields}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
const JSON_TYPE = "Content-Type: application/json\r\n";

test("no password stays in memory", async () => {
  const server = await startServer({ args: ["--rate-limits", "off"] });
  const passwords = [];
  const secret = () => {
    passwords.push(`secret-${randomBytes(24).toString("hex")}`);
    return passwords.at(-1);
  };
  const body = (password) => JSON.stringify({ userName: "nobody", password });
  try {
    const userName = uniqueName();
    const registered = await call(server, "POST", "/api/users/register", { body: { userName, password: secret() } });
    assert.equal(registered.status, 201);
    const good = await call(server, "POST", "/api/users/login", { body: { userName, password: passwords[0] } });
    assert.equal(good.status, 200);
    assert.equal((await call(server, "PATCH", "/api/users/me", {
      token: good.json.token, body: { password: secret(), currentPassword: passwords[0] },
    })).status, 200);
    assert.equal((await call(server, "POST", "/api/users/login", { body: { userName, password: secret() } })).status, 401);

    let json = body(secret());
    assert.match(await exchange(server, [head(JSON_TYPE, json) + json]), /^HTTP\/1.1 401/);
    json = body(secret()); // the head and half of the body, then the rest
    const whole = head(JSON_TYPE, json) + json;
    assert.match(await exchange(server, [whole.slice(0, 40), whole.slice(40, -20), whole.slice(-20)]), /^HTTP\/1.1 401/);
    json = body(secret()); // in chunks that make the body grow
    const chunks = json.match(/.{1,60}/g).map((part) => `${part.length.toString(16)}\r\n${part}\r\n`);
    assert.match(await exchange(server, [`POST /api/users/login HTTP/1.1\r\nHost: x\r\n${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n`,
      ...chunks, "0\r\n\r\n"]), /^HTTP\/1.1 401/);
    json = body(secret()); // behind a request that waits for its own hash
    const first = body(secret());
    assert.match(await exchange(server, [head(JSON_TYPE, first) + first + head(JSON_TYPE, json) + json.slice(0, 30), json.slice(30)], 2),
      /HTTP\/1.1 401[^]*HTTP\/1.1 401/);
    json = body(secret()); // no JSON by its type
    assert.match(await exchange(server, [head("Content-Type: text/plain\r\n", json) + json]), /^HTTP\/1.1 415/);
    json = `${body(secret())}${" ".repeat(9_000)}`; // too large
    assert.match(await exchange(server, [head(JSON_TYPE, json) + json]), /^HTTP\/1.1 413/);
    json = body(secret()); // never whole
    const cut = connect(server.port, "127.0.0.1");
    cut.write((head(JSON_TYPE, json) + json).slice(0, -1));
    await untilRead(cut);
    const { localPort, remotePort } = cut;
    cut.destroy();
    await untilClosed(localPort, remotePort);

    assert.notDeepEqual(findInMemory(server.child.pid, server.dataDir), [], "the search finds what is there");
    for (const [index, password] of passwords.entries()) {
      assert.deepEqual(findInMemory(server.child.pid, password), [], `password ${index}`);
    }
  } finally {
    await server.dispose();
  }
});
