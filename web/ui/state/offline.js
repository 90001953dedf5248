/** The page without a network. */

const ASK_MS = 3_000;

/** Has the browser keep the shell of the page, so that it opens without a network (worker.js). @param {string | undefined} worker where the build put it */
export function keepShell(worker) {
  // From the tree of the source every edit must be seen at once. Browsers have no `serviceWorker` over plain HTTP from elsewhere.
  if (!worker?.startsWith("/assets/") || !("serviceWorker" in navigator)) return;
  // What the visitor waits for goes first.
  addEventListener("load", () => {
    navigator.serviceWorker.register(worker, { scope: "/", updateViaCache: "all" }).catch(() => {});
  });
}

/** The document came from this device: it says so until the server answers. @param {HTMLElement} root */
export async function watchNetwork(root) {
  while ("offline" in root.dataset) {
    const answer = await fetch("/healthz", { cache: "no-store" }).catch(() => null);
    if (answer?.ok) delete root.dataset.offline;
    else await new Promise((resolve) => setTimeout(resolve, ASK_MS));
  }
}
