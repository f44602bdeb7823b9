// Small comforts. Every page works without this file.
(() => {
  "use strict";

  // A form is sent once: a second click while the first is under way does nothing.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.hasAttribute("hx-post")) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    const about = draftOf(form);
    if (about && navigator.onLine === false) {
      event.preventDefault();
      about.textContent = about.dataset.offline;
      return;
    }
    if (about) window.clearTimeout(waiting.get(form));
    form.dataset.sent = "yes";
    const button = event.submitter || form.querySelector("button:not([type=button])");
    if (button) button.setAttribute("aria-busy", "true");
  });

  // Coming back with the browser's button: the page may be sent again.
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
    for (const button of document.querySelectorAll("button[aria-busy]")) button.removeAttribute("aria-busy");
  });

  // What is typed is kept: some seconds after the last letter, and when one turns away. Files and passwords are not.
  const waiting = new Map();
  const draftOf = (form) => form && form.querySelector("[data-draft]");
  const keep = async (form, leaving = false) => {
    window.clearTimeout(waiting.get(form));
    waiting.delete(form);
    if (form.dataset.sent) return;
    const about = draftOf(form);
    const words = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      const field = form.elements[name];
      if (typeof value === "string" && field.type !== "password") words.append(name, value);
    }
    try {
      const answer = await fetch(about.dataset.draft, {
        method: "POST",
        body: words,
        headers: { Accept: "application/json" },
        redirect: "error",
        keepalive: leaving,
      });
      if (!answer.ok) throw new Error(answer.statusText);
      const { said } = await answer.json();
      about.textContent = said && about.dataset.files ? `${said} ${about.dataset.files}` : said;
    } catch {
      about.textContent = about.dataset.lost;
      if (!leaving) waiting.set(form, window.setTimeout(() => keep(form), 20000));
    }
  };
  const keepAll = (leaving) => Promise.all([...waiting.keys()].map((form) => keep(form, leaving)));
  document.addEventListener("input", (event) => {
    const form = event.target.form;
    if (!draftOf(form) || event.target.type === "file") return;
    window.clearTimeout(waiting.get(form));
    waiting.set(form, window.setTimeout(() => keep(form), 2500));
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) keepAll(true);
  });

  // A page that is open for hours asks now and then whether it is still true, and offers to be loaded anew. Nothing moves
  // by itself, the focus stays where it is, and what was typed is kept first.
  const EVERY = 45000;
  const told = document.querySelector("[data-pulse]");
  const offer = (words, button) => {
    if (told.firstChild) return;
    const sentence = document.createElement("p");
    sentence.textContent = words;
    told.append(sentence);
    if (button) {
      const again = document.createElement("button");
      again.type = "button";
      again.className = "kern-btn kern-btn--primary kern-btn--x-small";
      const label = document.createElement("span");
      label.className = "kern-label";
      label.textContent = button;
      again.append(label);
      again.addEventListener("click", async () => {
        await keepAll(false);
        if (told.dataset.here === window.location.pathname) window.location.reload();
        else window.location.assign(told.dataset.here);
      });
      told.append(again);
    }
    document.documentElement.classList.add("sk-has-pulse");
  };
  let asked = 0;
  const ask = async () => {
    if (!told || told.firstChild || document.hidden || Date.now() - asked < 5000) return;
    asked = Date.now();
    try {
      const answer = await fetch(told.dataset.pulse, { headers: { Accept: "application/json" }, redirect: "manual" });
      if (answer.type === "opaqueredirect") offer(told.dataset.ended);
      if (!answer.ok) return;
      const { at } = await answer.json();
      if (!told.dataset.at) told.dataset.at = at;
      else if (told.dataset.at !== at) offer(told.dataset.words, told.dataset.reload);
    } catch {
      // No line just now: the next beat asks again.
    }
  };
  if (told) {
    window.setInterval(ask, EVERY);
    if (!told.dataset.at) window.setTimeout(ask, 4000);
    document.addEventListener("visibilitychange", ask);
    window.addEventListener("focus", ask);
  }

  // A menu closes with Escape and when one looks elsewhere.
  const menus = () => document.querySelectorAll("details[data-menu][open]");
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of menus()) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
  document.addEventListener("click", (event) => {
    for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("focusin", (event) => {
    for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
  });

  // What a deed left to say is said again once the page stands: so it is read aloud too.
  const left = document.querySelector("#notice > .sk-notice");
  if (left) window.setTimeout(() => left.replaceWith(left.cloneNode(true)), 300);

  // The matrix: arrow keys go from case to case, and a line says in words where one is.
  const matrix = document.querySelector("[data-matrix]");
  if (matrix) {
    const here = document.querySelector("[data-here]");
    const said = (cell) => {
      const column = matrix.tHead.rows[0].cells[cell.cellIndex];
      const body = cell.parentElement.cells[0].querySelector("a");
      return `${body.textContent} · ${column.textContent}: ${cell.textContent}`;
    };
    const tell = (event) => {
      const cell = event.target.closest("td");
      if (here) here.hidden = !cell || !cell.textContent;
      if (here && !here.hidden) here.textContent = said(cell);
    };
    matrix.addEventListener("focusin", tell);
    matrix.addEventListener("mouseover", tell);
    matrix.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      const cell = event.target.closest("td");
      if (!way || !cell || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      const rows = matrix.tBodies[0].rows;
      let [row, column] = [[...rows].indexOf(cell.parentElement), cell.cellIndex];
      for (;;) {
        row += way[0];
        column += way[1];
        const next = rows[row] && column > 0 && rows[row].cells[column];
        if (!next) return;
        const link = next.querySelector("a");
        if (link) {
          link.focus();
          return;
        }
      }
    });
  }

  // Faults come first: the summary gets the focus, so that it is read aloud.
  const faults = document.querySelector("[data-faults]");
  if (faults) faults.focus();
})();
