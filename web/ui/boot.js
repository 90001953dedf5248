// Runs before the first paint, so that neither the theme nor the direction flashes. A classic script on purpose:
// modules wait for the document. It is the one place that decides the language; modules read it off <html>.
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

  var preset = root.dataset.langDefault;
  var lang =
    known(new URLSearchParams(location.search).get("lang")) || known(stored("language")) || known(preset) || fromBrowser();
  root.lang = lang;
  root.dir = lang === "fa" ? "rtl" : "ltr";

  var theme = stored("theme");
  if (theme !== "light" && theme !== "dark") {
    theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }
  root.dataset.theme = theme;

  root.dataset.text = stored("text") || "normal";
})();
