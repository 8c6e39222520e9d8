// The reverse proxies that people put in front of the server, each with a configuration, ports and a
// directory of the test's own. Nothing of the machine's own configuration is read.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SLOWNESS } from "./server.mjs";

const ROOT = new URL("../..", import.meta.url).pathname;
// tools/setup unpacks there what is not installed.
const PLACES = ["", join(ROOT, "build/proxies")];
const PROGRAMS = {
  nginx: "/usr/sbin/nginx", haproxy: "/usr/sbin/haproxy", caddy: "/usr/bin/caddy", apache: "/usr/sbin/apache2",
};

function place(name) {
  const found = PLACES.find((prefix) => existsSync(prefix + PROGRAMS[name]));
  if (found === undefined) throw new Error(`${PROGRAMS[name]} is neither installed nor unpacked: tools/setup test`);
  return found;
}

// The block of docs/operations/proxies.md that is marked with this language.
export function documented(language) {
  const text = readFileSync(join(ROOT, "docs/operations/proxies.md"), "utf8");
  return new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "s").exec(text)[1];
}

// Replaces each; what is not there fails the test, so that the page and it stay together.
export function edit(text, changes) {
  for (const [from, to] of changes) {
    if (!text.includes(from)) throw new Error(`the configuration has no "${from}"`);
    text = text.replaceAll(from, to);
  }
  return text;
}

const isRoot = process.getuid() === 0;

// Each: the files of its directory, and how it is started. `site`: the configuration to try.
const KINDS = {
  nginx: (dir, site) => ({
    files: {
      "nginx.conf": `${isRoot ? "user root;\n" : ""}daemon off;\nworker_processes 1;\npid ${dir}/pid;\n` +
        `events {}\nhttp {\n  access_log off;\n` +
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((of) => `  ${of}_temp_path ${dir}/${of};\n`).join("") +
        `${site}}\n`,
    },
    args: ["-p", dir, "-e", "stderr", "-c", join(dir, "nginx.conf")],
  }),
  haproxy: (dir, site) => ({ files: { "haproxy.cfg": site }, args: ["-db", "-f", join(dir, "haproxy.cfg")] }),
  caddy: (dir, site) => ({
    files: { Caddyfile: `{\n\tadmin off\n\tauto_https off\n}\n${site}` },
    args: ["run", "--config", join(dir, "Caddyfile"), "--adapter", "caddyfile"],
    env: { HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir },
  }),
  apache: (dir, site, prefix) => ({
    files: {
      "apache.conf": `ServerRoot ${dir}\nPidFile ${dir}/pid\nDefaultRuntimeDir ${dir}\nErrorLog ${dir}/error.log\nServerName localhost\n` +
        "mpm_event authz_core proxy proxy_http headers ssl".split(" ")
          .map((name) => `LoadModule ${name}_module ${prefix}/usr/lib/apache2/modules/mod_${name}.so\n`).join("") +
        `Mutex file:${dir} default\n${site}`,
    },
    args: ["-D", "FOREGROUND", "-f", join(dir, "apache.conf")],
  }),
};

// The process group of each that was started here and may run still.
const running = new Set();
process.once("exit", () => running.forEach(killGroup));

// A polite end takes Apache ten seconds while somebody holds a WebSocket, and nothing is lost here.
function killGroup(pid) {
  if (!running.delete(pid)) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if (error.code !== "ESRCH") throw error; // it has ended by itself
  }
}

async function accepts(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1", () => resolve(true) || socket.destroy());
    socket.on("error", () => resolve(false));
  });
}

// Resolves when it accepts on `port`. Its directory lies under `under`, which is the caller's.
export async function startProxy(kind, { site, port, under }) {
  const dir = mkdtempSync(join(under, `${kind}-`));
  const prefix = place(kind);
  const { files, args, env = {} } = KINDS[kind](dir, site, prefix);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  const child = spawn(prefix + PROGRAMS[kind], args, {
    cwd: dir, env: { PATH: process.env.PATH, ...env }, stdio: ["ignore", "pipe", "pipe"],
    detached: true, // a process group of its own, with its workers
  });
  running.add(child.pid);
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (log = (log + chunk).slice(-20_000)));
  const exited = new Promise((resolve) => child.once("close", resolve));
  child.once("error", (error) => (log += error));
  const until = performance.now() + 10_000 * SLOWNESS;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || performance.now() > until) {
      killGroup(child.pid);
      if (existsSync(join(dir, "error.log"))) log += readFileSync(join(dir, "error.log"), "utf8");
      throw new Error(`${kind} does not run:\n${log}`);
    }
    await sleep(20);
  }
  return {
    kind, port, log: () => log,
    stop: () => {
      killGroup(child.pid);
      return exited;
    },
  };
}
