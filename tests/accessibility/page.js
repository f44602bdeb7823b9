// What is asked of every page that is open in the browser. Each function answers with sentences about what is wrong.
(() => {
  "use strict";

  const named = (one) => one.outerHTML.replace(/\s+/g, " ").slice(0, 140);
  const shown = (one) => one.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true });

  // One title, one first heading, no gaps between headings, the landmarks, the language.
  const structure = () => {
    const faults = [];
    const root = document.documentElement;
    if (!["de", "en"].includes(root.lang)) faults.push(`its language is "${root.lang}"`);
    if (document.title.replace(/ – Startklar$/, "").trim() === "") faults.push("it has no title");
    const headings = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter(shown);
    const levels = headings.map((one) => Number(one.tagName[1]));
    if (levels.filter((one) => one === 1).length !== 1) faults.push(`first headings: ${levels}`);
    levels.forEach((level, index) => {
      const before = index ? levels[index - 1] : 0;
      if (level > before + 1) faults.push(`a gap before the heading "${headings[index].textContent.trim()}"`);
    });
    for (const landmark of ["main"]) {
      const count = [...document.querySelectorAll(landmark)].filter(shown).length;
      if (count !== 1) faults.push(`${count} × ${landmark}`);
    }
    for (const one of document.querySelectorAll("nav, [role=search], [role=region]")) {
      if (!one.getAttribute("aria-label") && !one.getAttribute("aria-labelledby")) {
        faults.push(`a landmark without a name: ${named(one)}`);
      }
    }
    return faults;
  };

  // What folds is unfolded, so that what it holds is looked at too; menus close by themselves again.
  const unfold = () => {
    for (const one of document.querySelectorAll("details:not([data-menu])")) one.open = true;
  };

  // What sticks out of a page that scrolls sideways.
  const sideways = () => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const out = [...document.body.querySelectorAll("*")].filter((one) => {
      const box = one.getBoundingClientRect();
      return shown(one) && box.width > 0 && box.right > width + 1;
    });
    const least = out.filter((one) => !out.some((other) => other !== one && one.contains(other)));
    return [`scrolls sideways at ${width} px: ${least.slice(0, 2).map(named).join(" | ") || "something"}`];
  };

  // The spacing between letters, words and lines that WCAG 1.4.12 lets a reader choose.
  const space = () => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(
      "* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important; }" +
        "p { margin-bottom: 2em !important; }",
    );
    document.adoptedStyleSheets = [sheet];
  };

  const enlarge = (percent) => {
    document.documentElement.style.fontSize = percent;
  };

  // Everything the key Tab stops at. Of radio buttons that belong together it stops at one.
  const tabbable = () => {
    const groups = new Set();
    const wanted = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]";
    return [...document.querySelectorAll(wanted)].filter((one) => {
      if (one.disabled || one.tabIndex < 0 || !shown(one)) return false;
      if (one.tagName === "SUMMARY" && one.parentElement.querySelector("summary") !== one) return false;
      if (one.type !== "radio") return true;
      const group = `${one.form ? [...document.forms].indexOf(one.form) : ""}/${one.name}`;
      const checked = document.querySelector(`input[type=radio][name="${CSS.escape(one.name)}"]:checked`);
      if (checked && checked.form === one.form) return checked === one;
      if (groups.has(group)) return false;
      groups.add(group);
      return true;
    });
  };

  const LOOKS = ["outlineStyle", "outlineWidth", "outlineColor", "boxShadow", "borderTopColor", "borderTopWidth",
    "backgroundColor", "textDecorationLine", "textDecorationThickness"];
  const looks = (one) => {
    const places = [[one, null], [one, "::before"], [one, "::after"]];
    for (const label of one.labels || []) places.push([label, null], [label, "::before"], [label, "::after"]);
    for (let above = one.parentElement, n = 0; above && n < 4; above = above.parentElement, n += 1) places.push([above, null]);
    return places.map(([element, part]) => {
      const style = getComputedStyle(element, part);
      return LOOKS.map((name) => style[name]).join(";");
    });
  };

  // Notes where the focus goes and whether one sees it there; answers how often Tab is to be pressed.
  let expected = [];
  let reached = new Set();
  let unseen = [];
  const follow = () => {
    expected = tabbable();
    reached = new Set();
    unseen = [];
    document.activeElement?.blur(); // a field that has the focus from the start looks different without it, too
    const before = new Map(expected.map((one) => [one, looks(one).join("|")]));
    document.addEventListener(
      "focusin",
      ({ target }) => {
        if (reached.has(target)) return;
        reached.add(target);
        if (before.has(target) && before.get(target) === looks(target).join("|")) unseen.push(target);
      },
      true,
    );
    return expected.length;
  };
  const followed = () => {
    // A group of radio buttons counts as reached with any of them.
    const met = (one) =>
      reached.has(one) ||
      (one.type === "radio" && [...reached].some((other) => other.name === one.name && other.form === one.form));
    return [
      ...expected.filter((one) => one.isConnected && shown(one) && !met(one)).slice(0, 3).map((one) => `Tab never stops at ${named(one)}`),
      ...unseen.slice(0, 3).map((one) => `one does not see the focus at ${named(one)}`),
    ];
  };

  window.looked = { structure, unfold, sideways, space, enlarge, follow, followed };
})();
