/** Why the server did not take something, in words. */

import { t } from "./strings.js";

/** @typedef {{ code?: string, message?: string, retry_after?: number }} Refusal */

/** @param {unknown} error @returns {string} in the language of the page, where the code is known */
export function explain(error) {
  const { code, message, retry_after: after } = /** @type {Refusal} */ (error ?? {});
  if (code === "rate_limited") return t("message.rate_limited", { n: Math.max(1, Math.ceil(after ?? 1)) });
  if (code === "too_long" || code === "too_large") return t("message.too_large");
  if (code === "maybe_sent") return t("message.maybe_sent_why");
  return message ? t("refused.general", { message }) : t("message.refused");
}
