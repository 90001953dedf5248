/** Starts the page. */

import { keepShell, watchNetwork } from "./state/offline.js";
import { followDevice } from "./state/theme.js";
import { setLanguage } from "./text/strings.js";
import { Router } from "./router.js";

const root = document.documentElement;
const app = /** @type {HTMLElement} */ (document.getElementById("app"));
const router = new Router(app);

addEventListener("popstate", () => router.travelled());
addEventListener("pagehide", () => router.goes());
addEventListener("pageshow", ({ persisted }) => persisted && router.comesBack());
setLanguage(root.lang === "en" ? "en" : "fa");
followDevice();
router.start();
delete root.dataset.wait;
keepShell(app.dataset.worker);
void watchNetwork(root);
