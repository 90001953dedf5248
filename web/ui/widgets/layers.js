/**
 * What lies over the page: a drawer, a dialog. On a phone people close it by Back, so each has an entry in the browser's history,
 * which goes when it is closed in any other way.
 */

/** @type {{ close: () => void, closed: Promise<void>, done: () => void } | null} */
let top = null;
/** The entry is on its way out by our own `history.back()`. */
let leaving = false;

/**
 * Opens a dialog that Back closes. One at a time: another closes the one that is open.
 * @param {HTMLDialogElement} dialog
 */
export async function openLayer(dialog) {
  await closeLayer();
  /** @type {() => void} */
  let done = () => {};
  const closed = new Promise((/** @type {(value: void) => void} */ resolve) => {
    done = resolve;
  });
  top = { close: () => dialog.close(), closed, done };
  dialog.addEventListener("close", gone, { once: true });
  history.pushState({ ...history.state, layer: true }, "");
  dialog.showModal();
}

/** Closes what is open. Resolves when the history is as it was before. */
export async function closeLayer() {
  if (top === null) return;
  const { closed, close } = top;
  close();
  await closed;
}

/** The browser went through its history. True if that concerned a layer alone. */
export function layerPopped() {
  if (leaving) {
    leaving = false;
    forget();
    return true;
  }
  if (top === null) return false;
  // Back, with the layer open: the entry is gone already.
  const { close } = top;
  forget();
  close();
  return true;
}

function gone() {
  if (top === null) return;
  leaving = true;
  history.back();
}

function forget() {
  const last = top;
  top = null;
  last?.done();
}
