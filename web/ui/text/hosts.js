/** Names of hosts: which text is one, whom one leads to, and how one is shown so that nobody takes it for another. */

const GENERIC = new Set(
  (
    "com org net edu gov mil int info biz name pro dev app io xyz online site shop store tech cloud blog page link live news " +
    "media chat club space world email school academy wiki codes design agency digital studio art games zone today global ir ایران"
  ).split(" "),
);
/** Countries whose letters no English word and no kind of file has. */
const COUNTRIES = new Set(
  (
    "ae af al ar au az bd bg bh br ca ch cl cn co cr cz de dk dz ee eg es eu fi fr ge gr hk hr hu id ie il iq jo jp ke kr " +
    "kw kz lb lk lt lu lv ly ma mx my ng nl nz om pe pk pt qa ro ru sa se sg sk sy th tj tn tr tw ua ug uk uz vn ye za"
  ).split(" "),
);

/** @param {string} name @param {boolean} isSure whether what is around it says that it is an address @returns {boolean} */
export function isKnownHost(name, isSure) {
  if (name.length > 253) return false;
  const labels = name.split(".");
  const last = labels[labels.length - 1];
  if (
    labels.length < 2 ||
    labels.some((label) => label === "" || label.length > 63 || !/^[\p{L}\p{N}][\p{L}\p{M}\p{N}-]*$/u.test(label))
  )
    return false;
  if (GENERIC.has(last) || COUNTRIES.has(last)) return true;
  // Any country will do with a path behind it: `docs.rs/tokio`, but not `main.rs`.
  return isSure && (/^[a-z]{2}$/i.test(last) || GENERIC.has(last.toLowerCase()));
}

/** What leads everybody to their own machine: the name, 127.0.0.0/8 (also within IPv6) and, in a browser, the address that is none. */
const LOOPBACK = /^((.+\.)?localhost\.?|(127|0)\.[\d.]+|\[::1?\]|\[::ffff:(7f..|0):[\da-f]+\])$/i;

/** @param {string} hostname as a URL has it @returns {boolean} whether nobody else reaches a server by it */
export function isLoopback(hostname) {
  return LOOPBACK.test(hostname);
}

/** What a label may consist of to be shown as it is; all of it of one alphabet. */
const PLAIN = [
  /^[a-z0-9-]*$/,
  /^[a-zà-öø-ÿāăąćĉċčďđēĕėęěĝğġģĥħĩīĭįĵķĺļľłńņňōŏőŕŗřśŝşšţťũūŭůűųŵŷźżž0-9-]*$/,
  // Persian letters, and Arabic ones: never those of both that look alike.
  /^[ابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهیآئءأؤ۰-۹0-9\u200c-]*$/,
  /^[ابتثجحخدذرزسشصضطظعغفقكلمنوهيىةآئءأإؤ٠-٩0-9-]*$/,
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}0-9-]*$/u,
  /^[\p{Script=Hangul}0-9-]*$/u,
  /^[\p{Script=Hebrew}0-9-]*$/u,
];
const CYRILLIC = /^[а-яё0-9-]*$/;
/** Letters of Latin's look. A Cyrillic label of these alone could be a Latin one. */
const LATIN_LOOK = /^[асеорхуікмтвнгпьѕј0-9-]*$/;

/** @param {string} hostname as a URL has it: in ASCII @returns {string} in letters where they mislead nobody, else in punycode */
export function shownHost(hostname) {
  return hostname
    .split(".")
    .map((label) => {
      if (!label.startsWith("xn--")) return label;
      const decoded = decodeLabel(label.slice(4));
      if (decoded === null) return label;
      const isHonest =
        PLAIN.some((letters) => letters.test(decoded)) || (CYRILLIC.test(decoded) && !LATIN_LOOK.test(decoded));
      return isHonest ? decoded : label;
    })
    .join(".");
}

/** RFC 3492. @param {string} text a label after `xn--` @returns {string | null} */
function decodeLabel(text) {
  if (text.length > 63) return null;
  const dash = text.lastIndexOf("-");
  const output = dash > 0 ? [...text.slice(0, dash)] : [];
  let [n, at, bias, index] = [128, dash > 0 ? dash + 1 : 0, 72, 0];
  while (at < text.length) {
    const before = index;
    for (let weight = 1, k = 36; ; k += 36) {
      const digit = parseInt(text[at] ?? "", 36);
      // Letters come first in punycode, digits after them.
      if (Number.isNaN(digit)) return null;
      const value = digit < 10 ? digit + 26 : digit - 10;
      at += 1;
      index += value * weight;
      const threshold = Math.min(Math.max(k - bias, 1), 26);
      if (value < threshold) break;
      weight *= 36 - threshold;
      if (index > 0x7fffffff || weight > 0x7fffffff) return null;
    }
    const length = output.length + 1;
    bias = adapted(index - before, length, before === 0);
    n += Math.floor(index / length);
    index %= length;
    if (n > 0x10ffff) return null;
    output.splice(index, 0, String.fromCodePoint(n));
    index += 1;
  }
  return output.join("");
}

/** @param {number} delta @param {number} length @param {boolean} isFirst */
function adapted(delta, length, isFirst) {
  let left = isFirst ? Math.floor(delta / 700) : delta >> 1;
  left += Math.floor(left / length);
  let k = 0;
  for (; left > 455; k += 36) left = Math.floor(left / 35);
  return k + Math.floor((36 * left) / (left + 38));
}
