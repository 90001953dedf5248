/** A message of a few emoji and nothing else is shown large. */

const ONE =
  "(?:\\p{RI}{2}|[0-9#*]\\uFE0F?\\u20E3|(?:\\p{Emoji_Presentation}|\\p{Extended_Pictographic})\\uFE0F?\\p{EMod}?(?:[\\u{E0020}-\\u{E007E}]+\\u{E007F})?" +
  "(?:\\u200D\\p{Extended_Pictographic}\\uFE0F?\\p{EMod}?)*)";
const ALONE = new RegExp(`^(?:${ONE}\\s*){1,3}$`, "u");
/** Three families with their skin tones and joiners are shorter. */
const LONGEST = 128;

/** @param {string} content @returns {boolean} whether it is one to three emoji */
export function isEmojiAlone(content) {
  const text = content.trim();
  return text.length <= LONGEST && !/[©®™]/u.test(text) && ALONE.test(text);
}
