/** The name of the page, with its sign. */

import { element } from "./element.js";
import { icon } from "./icons.js";
import { t } from "../text/strings.js";

export function brand() {
  return element("span", { class: "brand" }, icon("wave"), element("span", { text: () => t("app.name") }));
}
