/** Starts the page. */

import { keepShell, watchNetwork } from "./state/offline.js";
import { followDevice } from "./state/theme.js";
import { setLanguage } from "./text/strings.js";
import { Visit } from "./visit.js";

const root = document.documentElement;
const app = /** @type {HTMLElement} */ (document.getElementById("app"));
const visit = new Visit(app);

addEventListener("popstate", () => visit.travelled());
addEventListener("pagehide", () => visit.goes());
addEventListener("pageshow", ({ persisted }) => persisted && visit.comesBack());
setLanguage(root.lang === "en" ? "en" : "fa");
followDevice();
visit.start();
delete root.dataset.wait;
keepShell(app.dataset.worker);
void watchNetwork(root);
