/** Line icons on a 24-unit grid, drawn for this page. Those that point somewhere are mirrored by the style sheet. */

const SVG = "http://www.w3.org/2000/svg";

const PATHS = {
  wave: "M4 10.5v3M8 7.5v9M12 4v16M16 8v8M20 11v2",
  people:
    "M9 11.2a3.6 3.6 0 1 0 0-7.2 3.6 3.6 0 0 0 0 7.2ZM2.5 20c.4-3.6 3-5.6 6.5-5.6s6.1 2 6.5 5.6M16 4.3a3.6 3.6 0 0 1 0 6.7M18 14.8c2 .8 3.2 2.6 3.5 5.2",
  share: "M12 15V4M8 7.5 12 3.5l4 4M6 11.5H5v9h14v-9h-1",
  send: "M4 12h15M13 6l6 6-6 6",
  close: "M6 6l12 12M18 6 6 18",
  down: "M12 5v14M6 13l6 6 6-6",
  check: "M5 12.5l4.5 4.5L19 7.5",
  clock: "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16ZM12 8v4.3l2.8 1.7",
  alert: "M12 8v5M12 16.3v.2M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17Z",
  info: "M12 11v5.5M12 7.6v.2M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17Z",
  retry: "M19 12a7 7 0 1 1-2.1-5M19 4v4h-4",
  copy: "M9 9h10.5v10.5H9ZM5.5 15H4.5V4.5H15v1",
  dice: "M5 4.5h14a.5.5 0 0 1 .5.5v14a.5.5 0 0 1-.5.5H5a.5.5 0 0 1-.5-.5V5a.5.5 0 0 1 .5-.5ZM8.5 8.5v.01M15.5 8.5v.01M12 12v.01M8.5 15.5v.01M15.5 15.5v.01",
  globe: "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17ZM3.5 12h17M12 3.5c-5 5-5 12 0 17M12 3.5c5 5 5 12 0 17",
  theme: "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17ZM12 3.5v17M12 8.5l6.5-3M12 13l8.3-3.5M12 17.5l8-3.5",
  calendar: "M4.5 6h15v14h-15ZM4.5 10.5h15M8.5 3.5V8M15.5 3.5V8",
  fold: "M4.5 4.5h15v15h-15ZM10 4.5v15M16 9.5 13.5 12l2.5 2.5",
  text: "M3.5 19 9 5l5.5 14M5.4 14.5h7.2M15.5 19l3-7.5 3 7.5M16.5 16.8h4",
  expand: "M4 9.5V4h5.5M20 9.5V4h-5.5M4 14.5V20h5.5M20 14.5V20h-5.5",
  leave: "M14 4.5H5.5v15H14M10 12h10.5M16.5 8l4 4-4 4",
  door: "M6 20.5V3.5h12v17M3.5 20.5h17M14.5 12v.01",
  lock: "M6 11h12v9.5H6ZM8.5 11V7.5a3.5 3.5 0 0 1 7 0V11",
  windows: "M3.5 8.5h12v12h-12ZM8.5 8.5v-5h12v12h-5",
  name: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.5 20.5c.5-4 3.5-6 7.5-6s7 2 7.5 6",
};

/** @typedef {keyof typeof PATHS} IconName */

/** @param {IconName} name @param {string} [extra] a further class @returns {SVGSVGElement} hidden from screen readers */
export function icon(name, extra = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name} ${extra}`.trim());
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/**
 * A wave: many bars whose heights swell and fall, for the start page and an empty room.
 * @param {number} bars @param {string} extra @returns {SVGSVGElement}
 */
export function wave(bars, extra) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${bars * 10} 100`);
  svg.setAttribute("class", `wave ${extra}`);
  svg.setAttribute("aria-hidden", "true");
  for (let i = 0; i < bars; i += 1) {
    const swell = Math.sin(((i + 0.5) / bars) * Math.PI);
    const voice = 0.5 + 0.3 * Math.sin(i * 1.7) + 0.2 * Math.sin(i * 0.61 + 2);
    const half = 2 + 42 * swell * swell * voice;
    const line = document.createElementNS(SVG, "path");
    line.setAttribute("d", `M${i * 10 + 5} ${(50 - half).toFixed(1)}V${(50 + half).toFixed(1)}`);
    line.setAttribute("class", `wave-bar wave-bar-${i % 5}`);
    svg.append(line);
  }
  return svg;
}
