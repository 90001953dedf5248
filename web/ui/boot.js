// Runs before the first paint, so that neither the theme nor the direction flashes. A classic script on purpose:
// modules wait for the document. It is the one place that decides the language; modules read it off <html>. The form that
// stands in the document is usable before the modules are there: what it needs until then is here, too.
(function () {
  var root = document.documentElement;

  /** @param {string} key */
  function stored(key) {
    try {
      return localStorage.getItem("hamhame." + key);
    } catch (_) {
      return null; // Storage is forbidden: live with the defaults.
    }
  }

  /** @param {string | null | undefined} value */
  function known(value) {
    return value === "fa" || value === "en" ? value : null;
  }

  function fromBrowser() {
    var wanted = navigator.languages || [navigator.language];
    for (var i = 0; i < wanted.length; i++) {
      var match = known(wanted[i].slice(0, 2).toLowerCase());
      if (match) return match;
    }
    return "en";
  }

  var sent = root.lang;
  var preset = root.dataset.langDefault;
  var lang =
    known(new URLSearchParams(location.search).get("lang")) ||
    known(stored("language")) ||
    known(preset) ||
    fromBrowser();
  root.lang = lang;
  root.dir = lang === "fa" ? "rtl" : "ltr";

  var theme = stored("theme");
  if (theme !== "light" && theme !== "dark") {
    theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }
  root.dataset.theme = theme;

  root.dataset.text = stored("text") || "normal";

  /** The room of the address, as state/address.js reads it. */
  function room() {
    var match = /^\/r\/([^/]+)\/?$/.exec(location.pathname);
    try {
      return match ? decodeURIComponent(match[1]).trim() : "";
    } catch (_) {
      return "";
    }
  }

  /** Whether the modules will show something else than the form as it stands, and are probably at hand. */
  function comesBack() {
    try {
      if (history.state && history.state.joined && sessionStorage.getItem("hamhame.place." + room())) return true;
    } catch (_) {
      return false;
    }
    return !room() && (stored("recent") || "[]") !== "[]";
  }

  // The page of a fault has no modules.
  var isAlone = document.currentScript !== null && document.currentScript.hasAttribute("data-alone");
  if (!isAlone && comesBack()) {
    // Removed by main.js, and here if that does not come.
    root.dataset.wait = "";
    setTimeout(function () {
      delete root.dataset.wait;
    }, 1500);
  }

  /** @param {string} mark @param {(node: HTMLElement, text: string) => void} put @param {Record<string, string>} texts */
  function each(mark, put, texts) {
    document.querySelectorAll("[data-" + mark + "]").forEach(function (node) {
      var text = texts[node.getAttribute("data-" + mark) || ""];
      if (text !== undefined) put(/** @type {HTMLElement} */ (node), text);
    });
  }

  /** The texts of the other language than the one that was sent. @param {Record<string, string>} texts */
  function translate(texts) {
    each(
      "t",
      function (node, text) {
        var parts = text.split("{room}");
        node.textContent = parts[0];
        if (parts.length < 2) return;
        var name = document.createElement("bdi");
        name.dataset.room = "";
        node.append(name, parts[1]);
      },
      texts,
    );
    each(
      "placeholder",
      function (node, text) {
        node.setAttribute("placeholder", text);
      },
      texts,
    );
    each(
      "label",
      function (node, text) {
        node.setAttribute("aria-label", text);
      },
      texts,
    );
    each(
      "title",
      function (node, text) {
        node.title = text;
        node.setAttribute("aria-label", text);
      },
      texts,
    );
  }

  // The document has been read, and nothing of it painted: the style sheet was asked for behind this script.
  document.addEventListener("readystatechange", function () {
    var app = document.getElementById("app");
    if (document.readyState !== "interactive" || !app) return;
    if (lang !== sent) translate(JSON.parse(app.dataset.texts || "{}"));
    app.querySelectorAll("[data-room]").forEach(function (node) {
      node.textContent = room();
    });
    var name = /** @type {HTMLInputElement | null} */ (document.getElementById("name"));
    if (name && name.value === "" && stored("name")) {
      name.value = stored("name") || "";
      name.dir = "auto";
    }
  });

  // Typed and sent before the modules are there: main.js goes on from it.
  document.addEventListener("input", function (event) {
    var input = /** @type {HTMLInputElement} */ (event.target);
    if (input.value !== "" && input.matches(".join-card input")) input.dir = "auto";
  });
  document.addEventListener("submit", function (event) {
    if (event.defaultPrevented) return;
    event.preventDefault();
    root.dataset.early = "";
  });
})();
