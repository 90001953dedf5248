/** Decimal digits of any script. */

const DIGIT = /^\p{Nd}$/u;

/** @param {string} digit one code point @returns {string} the zero of its script */
export function zeroOf(digit) {
  const code = digit.codePointAt(0) ?? 0;
  // Unicode keeps the ten of a script together, and they begin at a 0 or at a 6 of the hexadecimal code.
  const row = code - (code % 16);
  return String.fromCodePoint(code < 0x80 ? 0x30 : DIGIT.test(String.fromCodePoint(row)) ? row : row + 6);
}

/** @param {string} digit one code point @returns {number} 0 to 9 */
export function digitValue(digit) {
  return (digit.codePointAt(0) ?? 0) - (zeroOf(digit).codePointAt(0) ?? 0);
}

/** The same text with the digits 0 to 9. @param {string} text */
export function withPlainDigits(text) {
  return text.replace(/\p{Nd}/gu, (digit) => String(digitValue(digit)));
}
