// The proxies of deploy/ at work: the files as they are shipped, but for addresses and paths.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import https from "node:https";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const PATIENCE_MS = 20_000;

/** What every deploy/ file names, and the tests have elsewhere. */
const BACKEND = "127.0.0.1:8000";

/** How each is started, and what is changed in its file. */
export const PROXIES = {
  nginx: {
    file: "nginx.conf",
    change: ({ port, certificate, key }) => [
      ["listen 443 ssl", `listen 127.0.0.1:${port} ssl`],
      ["/etc/letsencrypt/live/chat.example.org/fullchain.pem", certificate],
      ["/etc/letsencrypt/live/chat.example.org/privkey.pem", key],
    ],
    // The file is what a distribution's nginx.conf includes; one process that goes with this one.
    wrap: ({ folder, file }) => `
      daemon off; master_process off; pid ${folder}/pid; error_log stderr warn;
      events {}
      http {
        access_log off;
        client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
        fastcgi_temp_path ${folder}/fastcgi; uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
        include ${file};
      }`,
    command: ({ folder, main }) => ["nginx", "-p", folder, "-c", main, "-e", "stderr"],
  },
  haproxy: {
    file: "haproxy.cfg",
    change: ({ port, both }) => [
      ["bind :443", `bind 127.0.0.1:${port}`],
      ["/etc/haproxy/chat.example.org.pem", both],
    ],
    command: ({ file }) => ["haproxy", "-db", "-f", file],
  },
  caddy: {
    file: "Caddyfile",
    change: ({ port }) => [["chat.example.org {", `https://localhost:${port} {`]],
    // It makes certificates for localhost itself; it must not put its root among those of this machine.
    wrap: ({ folder, file }) => `
      {
        admin off
        skip_install_trust
        auto_https disable_redirects
        default_bind 127.0.0.1
        storage file_system ${folder}/caddy
        servers {
          protocols h1 h2
        }
      }
      import ${file}`,
    command: ({ main }) => ["caddy", "run", "--adapter", "caddyfile", "--config", main],
  },
};

/** One proxy in front of one server. */
export class Proxy {
  #child;
  #folder;
  /** @type {number} */
  port;
  log = "";

  /** @param {keyof typeof PROXIES} name @param {number} backend the server's port */
  static async start(name, backend) {
    // The free port may be somebody else's by the time that the proxy takes it.
    for (let tries = 3; ; tries -= 1) {
      const proxy = new Proxy();
      try {
        await proxy.#launch(name, backend);
        return proxy;
      } catch (error) {
        await proxy.stop();
        if (tries === 1) throw error;
      }
    }
  }

  async #launch(name, backend) {
    const { file, change, wrap, command } = PROXIES[name];
    this.port = await freePort();
    const folder = (this.#folder = mkdtempSync(join(tmpdir(), `hamhame-${name}-`)));
    chmodSync(folder, 0o755);
    const paths = {
      port: this.port,
      folder,
      file: join(folder, file),
      main: join(folder, "main"),
      ...certificate(folder),
    };
    let text = readFileSync(fileURLToPath(new URL(`../deploy/${file}`, import.meta.url)), "utf8");
    const change_all = [...change(paths), [` ${BACKEND}`, ` 127.0.0.1:${backend}`]];
    const lines = text.split("\n").map((line) => (line.trimStart().startsWith("#") ? "" : line));
    text = lines.join("\n");
    for (const [from, to] of change_all) {
      assert.equal(text.split(from).length, 2, `${from} stands once in deploy/${file}`);
      text = text.replace(from, () => to);
    }
    writeFileSync(paths.file, text);
    if (wrap) writeFileSync(paths.main, wrap(paths));
    const [program, ...args] = command(paths);
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, HOME: folder } });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => (this.log = (this.log + text).slice(-8_000)));
    }
    process.once("exit", () => child.kill("SIGKILL"));
    const failed = new Promise((_, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`${name} ended with ${code}:\n${this.log}`)));
    });
    failed.catch(() => {});
    await Promise.race([this.#answers(), failed]);
  }

  async #answers() {
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        const { status } = await this.request("/healthz");
        if (status === 200) return;
      } catch {
        // Not yet.
      }
      if (this.#child.exitCode !== null) return;
      if (performance.now() > end) throw new Error(`the proxy does not answer:\n${this.log}`);
      await pause(20);
    }
  }

  get origin() {
    return `https://localhost:${this.port}`;
  }

  /**
   * Makes a request by HTTP/1.1 from an address of this machine; resolves when the head of the answer is there.
   * @param {string} path
   * @param {{method?: string, headers?: Record<string, string>, body?: string, from?: string, patience?: number}} [options]
   */
  async open(path, { method = "GET", headers = {}, body, from, patience = PATIENCE_MS } = {}) {
    const request = https.request(`${this.origin}${path}`, { method, headers, agent: false, ...reach(from) });
    request.end(body);
    const [response] = await once(request, "response", { signal: AbortSignal.timeout(patience) });
    response.setEncoding("utf8");
    response.on("error", () => {});
    return response;
  }

  /** The same, and the whole answer. */
  async request(path, options) {
    const response = await this.open(path, options);
    let text = "";
    for await (const piece of response) text += piece;
    return { status: response.statusCode, headers: response.headers, text };
  }

  async stop() {
    const child = this.#child;
    if (child && child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    }
    if (this.#folder) rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** How a client of the tests gets to a proxy: with a certificate that nobody signed, from this address. */
export function reach(from = "127.0.0.1") {
  return { rejectUnauthorized: false, family: 4, localAddress: from };
}

async function freePort() {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {net.AddressInfo} */ (server.address());
  server.close();
  await once(server, "close");
  return port;
}

/** Certificate and key, in two files and in one. */
function certificate(folder) {
  const [certificate, key, both] = ["certificate.pem", "key.pem", "both.pem"].map((name) => join(folder, name));
  execFileSync(
    "openssl",
    [
      ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost".split(" "),
      ..."-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout".split(" "),
      key,
      "-out",
      certificate,
    ],
    { stdio: "pipe" },
  );
  writeFileSync(both, readFileSync(certificate, "utf8") + readFileSync(key, "utf8"));
  return { certificate, key, both };
}
