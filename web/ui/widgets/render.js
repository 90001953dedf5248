/** A view is a plain object with a part for each widget. A widget is given its part when that is another one than before. */

/**
 * @template {object} View
 * @param {{ [K in keyof View]: (part: View[K]) => void }} widgets what shows each part
 * @returns {(view: View) => void}
 */
export function renderer(widgets) {
  /** @type {Partial<View>} */
  let shown = {};
  return (view) => {
    const before = shown;
    shown = view;
    for (const name of /** @type {(keyof View)[]} */ (Object.keys(widgets))) {
      if (!(name in before) || !isSame(before[name], view[name])) widgets[name](view[name]);
    }
  };
}

/** @param {unknown} a @param {unknown} b plain values, objects and lists @returns {boolean} */
export function isSame(a, b) {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => name in b && isSame(Reflect.get(a, name), Reflect.get(b, name)));
}
