// The service worker. It opens the page's shell for who has no network: the form, the script, the style and the font, and nothing
// of any conversation. `state/offline.js` registers it where the page is packed, since its address then says what is in it.

/** @type {any} types: the page's own are those of a window */
const worker = self;

/** Under the names that the build gives them. */
const SHELL = ["/ui/boot.js", "/ui/main.js", "/ui/page.css", "/fonts/vazirmatn.woff2", "/favicon.svg"];
/** The documents: what is at a room's address is the same for every room. */
const START = "/";
const ROOM = "/r/-";
const CACHE = `shell ${location.pathname}`;

worker.addEventListener("install", (/** @type {any} */ event) => event.waitUntil(keep()));
worker.addEventListener("activate", (/** @type {any} */ event) => event.waitUntil(clear()));
worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (origin !== location.origin || request.method !== "GET") return;
  if (request.mode === "navigate") {
    if (pathname === START) event.respondWith(open(event, START));
    else if (/^\/r\/[^/]+\/?$/.test(pathname)) event.respondWith(open(event, ROOM));
  } else if (SHELL.includes(pathname)) {
    event.respondWith(kept(pathname).then((response) => response ?? fetch(request)));
  }
});

async function keep() {
  const cache = await caches.open(CACHE);
  await cache.addAll([START, ROOM, ...SHELL]);
  await worker.skipWaiting();
}

/** What an earlier version of the page kept. */
async function clear() {
  const names = await caches.keys();
  await Promise.all(
    names.filter((name) => name.startsWith("shell ") && name !== CACHE).map((name) => caches.delete(name)),
  );
  // The document is asked for while the worker starts.
  await worker.registration.navigationPreload?.enable();
}

/** @param {string} path */
async function kept(path) {
  // The documents differ by language; the script puts the texts of the visitor's own in.
  return (await caches.open(CACHE)).match(path, { ignoreVary: true });
}

/** The document from the server, or without a network the one that was kept, which then says so. @param {any} event @param {string} path */
async function open(event, path) {
  try {
    return (await event.preloadResponse) ?? (await fetch(event.request));
  } catch (error) {
    const response = await kept(path);
    if (response === undefined) throw error;
    const headers = new Headers(response.headers);
    headers.delete("content-encoding");
    headers.delete("content-length");
    const page = (await response.text()).replace("<html ", "<html data-offline ");
    return new Response(page, { headers });
  }
}
