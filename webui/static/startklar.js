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
    if (lost || (about && navigator.onLine === false)) {
      event.preventDefault();
      if (about) about.textContent = about.dataset.offline;
      else say();
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
      look();
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
      look(); // No line just now: the next beat asks again.
    }
  };
  if (told) {
    window.setInterval(ask, EVERY);
    if (!told.dataset.at) window.setTimeout(ask, 4000);
    document.addEventListener("visibilitychange", ask);
    window.addEventListener("focus", ask);
  }

  // Without a connection a bar says so, and that what was typed still stands here. It goes when there is one again; what
  // the device believes is not enough, since Startklar may run on the device itself.
  const bar = document.querySelector("[data-probe]");
  let lost = false;
  let next;
  const say = () => {
    const sentence = document.createElement("p");
    sentence.textContent = bar.dataset.offline;
    bar.replaceChildren(sentence);
  };
  const look = async () => {
    window.clearTimeout(next);
    try {
      await fetch(bar.dataset.probe, { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(8000) });
      if (lost) keepAll(false);
      lost = false;
      bar.replaceChildren();
    } catch {
      if (!lost) say();
      lost = true;
      next = window.setTimeout(look, 5000);
    }
    document.documentElement.classList.toggle("sk-has-pulse", lost || Boolean(told && told.firstChild));
  };
  window.addEventListener("offline", look);
  window.addEventListener("online", look);
  if (navigator.onLine === false) look();

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

  // Ticked rows are counted, and all of a page can be ticked at once.
  const many = document.getElementById("many");
  const boxes = () => [...document.querySelectorAll('input[type="checkbox"][name="case"]')];
  const count = () => {
    if (!many) return;
    const said = many.querySelector("[data-ticked]");
    if (!said) return; // who reads may not act on many
    const ticked = boxes().filter((box) => box.checked).length;
    many.toggleAttribute("data-some", ticked > 0);
    const words = ticked === 1 ? said.dataset.one : said.dataset.more.replace("#", ticked);
    said.textContent = ticked ? words : "";
    if (all) [all.checked, all.indeterminate] = [ticked === boxes().length, ticked > 0 && ticked < boxes().length];
  };
  const head = document.querySelector("th[data-all]");
  let all = null;
  if (head && boxes().length > 1) {
    const place = document.createElement("div");
    place.className = "kern-form-check";
    all = document.createElement("input");
    all.type = "checkbox";
    all.className = "kern-form-check__checkbox";
    all.setAttribute("aria-label", head.dataset.all);
    all.title = head.dataset.all;
    all.addEventListener("change", () => {
      for (const box of boxes()) box.checked = all.checked;
      count();
    });
    place.append(all);
    head.replaceChildren(place);
  }
  document.addEventListener("change", (event) => {
    if (event.target.name === "case") count();
  });
  window.addEventListener("pageshow", count);

  // Single keys lead about where nobody types. Who is in their way switches them off, in this browser and for good.
  const KEPT = "startklar-keys";
  const switchedOff = () => {
    try {
      return window.localStorage.getItem(KEPT) === "off";
    } catch {
      return false;
    }
  };
  const offerSwitch = (part) => {
    const button = part.querySelector("[data-keys-switch]");
    const say = () => {
      button.querySelector(".kern-label").textContent = switchedOff() ? button.dataset.on : button.dataset.off;
      part.querySelector("[data-keys-state]").textContent = switchedOff() ? button.dataset.areOff : button.dataset.areOn;
    };
    button.addEventListener("click", () => {
      try {
        if (switchedOff()) window.localStorage.removeItem(KEPT);
        else window.localStorage.setItem(KEPT, "off");
      } catch {
        return; // this browser keeps nothing
      }
      say();
    });
    say();
    button.parentElement.hidden = false;
  };
  for (const part of document.querySelectorAll("main [data-keys-list]")) offerSwitch(part);

  const keysAt = document.body.dataset.keys;
  const explain = async () => {
    let dialog = document.querySelector("dialog[data-explained]");
    if (!dialog) {
      const answer = await fetch(keysAt, { redirect: "error" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const part = page.querySelector("[data-keys-list]");
      dialog = document.createElement("dialog");
      dialog.className = "sk-dialog";
      dialog.dataset.explained = "yes";
      const heading = document.createElement("h2");
      heading.id = "keys-heading";
      heading.textContent = part.dataset.keysList;
      dialog.setAttribute("aria-labelledby", heading.id);
      const close = document.createElement("form");
      close.method = "dialog";
      close.innerHTML = '<button class="kern-btn kern-btn--secondary" autofocus><span class="kern-label"></span></button>';
      close.querySelector("span").textContent = part.dataset.close;
      dialog.append(heading, part, close);
      document.body.append(dialog);
      offerSwitch(part);
    }
    dialog.showModal();
  };
  const shown = (element) => element && element.offsetParent !== null;
  const follow = (element) => {
    if (element) element.click();
  };
  const move = (by) => {
    const rows = [...document.querySelectorAll("[data-rows] [data-row]")].filter(shown);
    if (!rows.length) return;
    const here = rows.findIndex((row) => row.contains(document.activeElement));
    const there = here < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(Math.max(here + by, 0), rows.length - 1);
    rows[there].querySelector("a").focus();
  };
  const KEYS = {
    "/": () => ["search", "filter-q"].map((id) => document.getElementById(id)).find(shown)?.focus(),
    j: () => move(1),
    k: () => move(-1),
    x: () => follow(document.activeElement.closest("[data-row]")?.querySelector('input[name="case"]')),
    m: () => many?.querySelector("button")?.focus(),
    n: () => follow(document.querySelector('a[rel="next"]')),
    p: () => follow(document.querySelector('a[rel="prev"]')),
    "?": () => explain().catch(() => window.location.assign(keysAt)),
  };
  const types = (element) =>
    element.isContentEditable || element.closest("textarea, select, dialog, input:not([type=checkbox])");
  document.addEventListener("keydown", (event) => {
    if (!keysAt || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const act = KEYS[event.key];
    if (!act || types(event.target) || switchedOff()) return;
    event.preventDefault();
    act();
  });

  // Faults come first: the summary gets the focus, so that it is read aloud.
  const faults = document.querySelector("[data-faults]");
  if (faults) faults.focus();
})();
