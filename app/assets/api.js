/* What every page shares: how to reach the API from the browser, uploads, links to files, keys. */
window.harvest = (() => {
  const root = () => document.getElementById("harvest");
  const base = () => root().dataset.base;
  let ticket = null;

  /* Where the API has an origin of its own the session cookie does not go along: a short-lived ticket does. */
  async function headersFor(url) {
    if (new URL(url, location.href).origin === location.origin) return {};
    if (!ticket || ticket.until < Date.now()) {
      const answer = await fetch(base() + "ticket", { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error("Please sign in again.");
      const made = await answer.json();
      ticket = { token: made.token, until: Date.now() + (made.expires_in - 30) * 1000 };
    }
    return { Authorization: "Bearer " + ticket.token };
  }

  async function call(method, url, body) {
    const headers = await headersFor(url);
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const answer = await fetch(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    const made = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(made.error || "The server answered " + answer.status + ".");
    return made;
  }

  function say(text, kind = "error") {
    const box = document.getElementById("toasts");
    const note = Object.assign(document.createElement("div"), { className: "toast " + kind, textContent: text });
    box.append(note);
    setTimeout(() => note.remove(), kind === "error" ? 12000 : 5000);
  }

  /* Where the network is away Dash says nothing, and leaves disabled what it disabled for the while of a request. */
  const plainFetch = window.fetch;
  window.fetch = async (...given) => {
    try {
      return await plainFetch(...given);
    } catch (error) {
      const url = String(given[0]?.url ?? given[0]);
      if (url.includes("_dash-update-component") && error.name !== "AbortError") away();
      throw error;
    }
  };

  let toldAt = 0;
  function away() {
    /* One click may ask several things. */
    if (Date.now() - toldAt > 2000) say("The server cannot be reached, and nothing was saved. What you typed is kept: please try again.");
    toldAt = Date.now();
    for (const button of document.querySelectorAll("#page button[id]:disabled")) tell(button.id, { disabled: false });
  }

  const tell = (id, props) => window.dash_clientside.set_props(id, props);

  /* A drop zone: <div data-upload="URL" data-method data-type data-accept> around a file input and a progress bar. */
  async function upload(zone, file) {
    const limit = Number(root().dataset.maxUploadMb);
    if (file.size > limit * 1024 * 1024) return say(`${file.name} is larger than ${limit} MiB.`);
    if (!file.size) return say(`${file.name} is empty.`);
    const bar = zone.querySelector("progress");
    const state = zone.querySelector(".upload-state");
    const request = new XMLHttpRequest();
    request.open(zone.dataset.method, zone.dataset.upload);
    try {
      for (const [name, value] of Object.entries(await headersFor(zone.dataset.upload))) request.setRequestHeader(name, value);
    } catch (error) {
      return say(error.message);
    }
    request.setRequestHeader("Content-Type", zone.dataset.type);
    bar.hidden = false;
    request.upload.onprogress = (event) => {
      bar.value = (100 * event.loaded) / event.total;
      state.textContent = event.loaded < event.total ? `Uploading ${file.name}: ${Math.round(bar.value)} %` : "Checking the file …";
    };
    request.onerror = () => done("The upload broke off: please try again.");
    request.onload = () => {
      let made = {};
      try { made = JSON.parse(request.responseText); } catch { /* not ours, e.g. a proxy's page */ }
      if (request.status < 300) return done("", made);
      if (request.status === 413) return done(made.error || `${file.name} is too large for this server.`);
      done(made.error || `The server answered ${request.status}.`);
    };
    request.send(file);

    function done(problem, made) {
      bar.hidden = true;
      bar.value = 0;
      state.textContent = problem;
      if (problem) return say(problem);
      say(`${file.name} is uploaded.`, "good");
      tell(zone.dataset.done, { data: { at: Date.now(), answer: made } });
    }
  }

  const zoneOf = (target) => (target instanceof Element ? target.closest("[data-upload]") : null);
  document.addEventListener("change", (event) => {
    const zone = zoneOf(event.target);
    if (zone && event.target.files?.length) {
      upload(zone, event.target.files[0]);
      event.target.value = "";
    }
  });
  for (const name of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      const zone = zoneOf(event.target);
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault(); // a file dropped beside the zone must not replace the page
      if (!zone) return;
      zone.classList.toggle("over", name === "dragover");
      if (name === "drop" && event.dataTransfer.files.length) upload(zone, event.dataTransfer.files[0]);
    });
  }
  document.addEventListener("click", async (event) => {
    /* React draws the file input; its label is a button for keyboards. */
    const pick = event.target instanceof Element && event.target.closest(".pick-file");
    if (pick) {
      const input = Object.assign(document.createElement("input"), { type: "file", accept: pick.closest("[data-upload]").dataset.accept });
      input.onchange = () => input.files.length && upload(pick.closest("[data-upload]"), input.files[0]);
      input.click();
    }
    /* Links to files of an API elsewhere need the ticket, so they are fetched. */
    const link = event.target instanceof Element && event.target.closest("a[data-file]");
    if (link && new URL(link.href).origin !== location.origin) {
      event.preventDefault();
      try {
        const answer = await fetch(link.href, { headers: await headersFor(link.href) });
        if (!answer.ok) throw new Error((await answer.json()).error);
        const local = URL.createObjectURL(await answer.blob());
        Object.assign(document.createElement("a"), { href: local, download: link.dataset.file }).click();
        setTimeout(() => URL.revokeObjectURL(local), 60000);
      } catch (error) {
        say(error.message);
      }
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.repeat) return;
    const press = (id) => { document.getElementById(id)?.click(); event.preventDefault(); };
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && document.getElementById("save")) press("save");
    if (event.altKey && event.code === "KeyT" && document.getElementById("add-triple")) press("add-triple");
    if (event.altKey && event.code === "KeyS" && document.getElementById("sentence")) {
      document.getElementById("sentence").focus();
      event.preventDefault();
    }
  });

  /* Calls `start(element)` once for each element that React brings in. */
  function whenever(selector, start) {
    const seen = new WeakSet();
    const look = () => document.querySelectorAll(selector).forEach((one) => {
      if (!seen.has(one)) { seen.add(one); start(one); }
    });
    new MutationObserver(look).observe(document.documentElement, { childList: true, subtree: true });
    look();
  }

  /* Dash calls a set of radio buttons a listbox of options, which screen readers cannot make sense of: it is a group. */
  whenever(".dash-options-list", (list) => {
    const plain = () => {
      const role = list.classList.contains("dash-radioitems") ? "radiogroup" : "group";
      if (list.getAttribute("role") !== role) list.setAttribute("role", role);
      for (const one of list.querySelectorAll("[role=option], [aria-selected]")) {
        one.removeAttribute("role");
        one.removeAttribute("aria-selected");
      }
    };
    plain();
    new MutationObserver(plain).observe(list, { attributeFilter: ["role", "aria-selected"], childList: true, subtree: true });
  });
  /* In its dropdowns the Tab key stops at a field that nobody can hear: at the button instead. */
  whenever(".dash-dropdown-focus-target", (one) => { one.tabIndex = -1; });
  whenever("button.dash-dropdown", (one) => { one.tabIndex = 0; });

  /* The server tells times in UTC: the reader's zone and language are known here. */
  whenever("time[datetime]", (one) => {
    one.title = one.textContent;
    one.textContent = new Date(one.dateTime).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  });

  /* What Browse shows stands in the address, without another entry in the history. */
  whenever("[data-search]", (one) => {
    const search = one.dataset.search ? "?" + one.dataset.search : "";
    if (location.search !== search) history.replaceState(history.state, "", location.pathname + search);
  });
  /* A reference manager's file goes into the field as text, to be looked at before it is added. */
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element && event.target.closest(".read-file");
    if (!button) return;
    const input = Object.assign(document.createElement("input"), { type: "file", accept: ".bib,.bibtex,.ris,.enw,.txt" });
    input.onchange = async () => input.files.length && tell(button.dataset.into, { value: await input.files[0].text() });
    input.click();
  });
  /* On a phone a button leads to the form, as long as that is out of sight. */
  whenever(".to-form", (button) => {
    const form = document.getElementById("annotate");
    if (form) new IntersectionObserver(([seen]) => { button.hidden = seen.isIntersecting; }).observe(form);
  });

  /* Notes that the server sent: shown the same way as our own. */
  whenever("#server-note [data-note]", (one) => say(one.dataset.note, one.dataset.kind));
  /* A new page is announced and keyboards start at its heading. */
  whenever("#page h1", (one) => {
    document.title = one.textContent + " · HARVEST";
  });

  const asset = (path) => base() + "assets/" + path;
  return { call, headersFor, say, tell, whenever, asset };
})();
