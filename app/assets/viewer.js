/* The PDF beside the form: pdf.js draws pages as they come into view; selected text becomes a highlight and the sentence. */
(() => {
  const { call, headersFor, say, tell, whenever, asset } = window.harvest;
  const COLORS = [["#ffe066", "Yellow"], ["#a5d8ff", "Blue"], ["#b2f2bb", "Green"], ["#ffc9c9", "Red"]];

  function make(tag, props = {}, ...children) {
    const one = Object.assign(document.createElement(tag), props);
    one.append(...children);
    return one;
  }

  const alert = (error) => make("p", { className: "alert", textContent: "The PDF cannot be shown: " + error.message });

  class Viewer {
    constructor(root) {
      this.root = root;
      this.pages = [];
      this.highlights = [];
      this.zoom = 1;
      this.color = COLORS[0][0];
      this.build();
      this.open().catch((error) => this.fail(error));
    }

    build() {
      this.place = make("output", { className: "page-number", textContent: "…" });
      const button = (label, text, action) => {
        const one = make("button", { type: "button", className: "tool", textContent: text, title: label, onclick: action });
        one.setAttribute("aria-label", label);
        return one;
      };
      this.use = make("button", { type: "button", className: "primary small", textContent: "Use selection", disabled: true, onclick: () => this.pick() });
      this.use.title = "Highlight the selected text and put it into the sentence field (Alt+H)";
      const colors = make("select", { className: "tool", onchange: (event) => (this.color = event.target.value) },
        ...COLORS.map(([value, name]) => make("option", { value, textContent: name })));
      colors.setAttribute("aria-label", "Highlight colour");
      const bar = make("div", { className: "viewer-bar" },
        button("Previous page", "‹", () => this.go(this.current() - 1)), this.place,
        button("Next page", "›", () => this.go(this.current() + 1)),
        button("Zoom out", "−", () => this.setZoom(this.zoom / 1.2)), button("Zoom in", "+", () => this.setZoom(this.zoom * 1.2)),
        make("span", { className: "grow" }), colors, this.use);
      bar.setAttribute("role", "toolbar");
      bar.setAttribute("aria-label", "PDF");
      this.scroll = make("div", { className: "viewer-pages", tabIndex: 0 });
      this.scroll.setAttribute("role", "region");
      this.scroll.setAttribute("aria-label", "Pages of the PDF");
      this.root.replaceChildren(bar, this.scroll);
      this.onselect = () => { this.use.disabled = !this.selection(); };
      document.addEventListener("selectionchange", this.onselect);
      this.onkey = (event) => {
        if (!this.root.isConnected) return this.close();
        if (event.altKey && event.code === "KeyH") { this.pick(); event.preventDefault(); }
      };
      document.addEventListener("keydown", this.onkey);
      this.scroll.addEventListener("scroll", () => this.showPlace(), { passive: true });
    }

    async open() {
      const pdfjs = await import(asset("vendor/pdfjs/pdf.vendor.js"));
      pdfjs.GlobalWorkerOptions.workerSrc = asset("vendor/pdfjs/pdf.worker.vendor.js");
      this.pdfjs = pdfjs;
      this.task = pdfjs.getDocument({
        url: new URL(this.root.dataset.pdf, location.href).href,
        httpHeaders: await headersFor(this.root.dataset.pdf),
        standardFontDataUrl: new URL(asset("vendor/pdfjs/standard_fonts/"), location.href).href,
        wasmUrl: new URL(asset("vendor/pdfjs/wasm/"), location.href).href,
        useSystemFonts: false,
        isEvalSupported: false,
        enableXfa: false,
      });
      this.pdf = await this.task.promise;
      const first = await this.pdf.getPage(1);
      this.fit = Math.min(2, (this.scroll.clientWidth - 28) / first.getViewport({ scale: 1 }).width);
      const size = first.getViewport({ scale: this.fit });
      this.watch = new IntersectionObserver((seen) => {
        for (const one of seen) {
          const number = Number(one.target.dataset.page);
          if (one.isIntersecting) this.draw(number).catch((error) => this.pages[number].box.replaceChildren(alert(error)));
          else this.drop(number);
        }
      }, { root: this.scroll, rootMargin: "600px" });
      for (let number = 1; number <= this.pdf.numPages; number += 1) {
        const box = make("div", { className: "pdf-page" });
        box.dataset.page = number;
        box.style.width = `${size.width}px`;
        box.style.height = `${size.height}px`;
        this.scroll.append(box);
        this.pages[number] = { box, scale: 0 };
        this.watch.observe(box);
      }
      this.showPlace();
      await this.load();
    }

    fail(error) {
      this.scroll.replaceChildren(alert(error));
    }

    close() {
      document.removeEventListener("selectionchange", this.onselect);
      document.removeEventListener("keydown", this.onkey);
      this.task?.destroy();
    }

    async draw(number) {
      const slot = this.pages[number];
      const scale = this.fit * this.zoom;
      if (slot.scale === scale) return;
      slot.scale = scale;
      const page = await this.pdf.getPage(number);
      const viewport = page.getViewport({ scale });
      const ratio = Math.min(window.devicePixelRatio || 1, 2);
      const canvas = make("canvas", { width: viewport.width * ratio, height: viewport.height * ratio });
      const text = make("div", { className: "textLayer" });
      const marks = make("div", { className: "marks" });
      slot.box.style.width = `${viewport.width}px`;
      slot.box.style.height = `${viewport.height}px`;
      slot.box.style.setProperty("--scale-factor", scale);
      slot.box.style.setProperty("--total-scale-factor", scale);
      Object.assign(slot, { viewport, marks });
      await page.render({ canvas, viewport, transform: ratio === 1 ? null : [ratio, 0, 0, ratio, 0, 0] }).promise;
      if (slot.scale !== scale) return;
      slot.box.replaceChildren(canvas, marks, text);
      await new this.pdfjs.TextLayer({ textContentSource: page.streamTextContent(), container: text, viewport }).render();
      slot.bare = !text.textContent.trim();
      this.mark(number);
      this.showPlace();
    }

    /* A page far away gives its picture back: a book's pages together fill a browser's memory. */
    drop(number) {
      const slot = this.pages[number];
      if (!slot.scale) return;
      Object.assign(slot, { scale: 0, marks: null });
      slot.box.replaceChildren();
    }

    mark(number) {
      const slot = this.pages[number];
      if (!slot?.marks) return;
      slot.marks.replaceChildren();
      for (const one of this.highlights.filter((mark) => mark.page === number)) {
        for (const rect of one.rects) {
          const [x0, y0, x1, y1] = slot.viewport.convertToViewportRectangle(rect);
          const box = make("div", { className: "mark", title: one.text });
          Object.assign(box.style, {
            left: `${Math.min(x0, x1)}px`, top: `${Math.min(y0, y1)}px`,
            width: `${Math.abs(x1 - x0)}px`, height: `${Math.abs(y1 - y0)}px`, background: one.color,
          });
          slot.marks.append(box);
        }
      }
    }

    async load() {
      this.highlights = (await call("GET", this.root.dataset.highlights)).highlights;
      this.pages.forEach((_, number) => this.mark(number));
    }

    selection() {
      const chosen = document.getSelection();
      if (!chosen || chosen.isCollapsed || !chosen.rangeCount) return null;
      const range = chosen.getRangeAt(0);
      const box = (range.startContainer.nodeType === 1 ? range.startContainer : range.startContainer.parentElement)?.closest(".pdf-page");
      return box && this.scroll.contains(box) && chosen.toString().trim() ? { chosen, range, box } : null;
    }

    async pick() {
      const found = this.selection();
      if (!found) return say("Select some text of the PDF first.");
      const number = Number(found.box.dataset.page);
      const { viewport } = this.pages[number];
      const frame = found.box.getBoundingClientRect();
      const rects = [];
      for (const one of found.range.getClientRects()) {
        if (one.width < 1 || one.height < 1 || one.top >= frame.bottom || one.width > frame.width * 0.98 && one.height > frame.height * 0.5) continue;
        const [x0, y0] = viewport.convertToPdfPoint(one.left - frame.left, one.bottom - frame.top);
        const [x1, y1] = viewport.convertToPdfPoint(one.right - frame.left, one.top - frame.top);
        const rect = [x0, y0, x1, y1].map((value) => Math.round(value * 100) / 100);
        if (!rects.some((other) => other.every((value, i) => Math.abs(value - rect[i]) < 0.5))) rects.push(rect);
      }
      /* Words cut at a line's end are one word again. */
      const text = found.chosen.toString().replace(/(\p{Ll})-\n(\p{Ll})/gu, "$1$2").replace(/\s+/g, " ").trim().slice(0, 10000);
      let made = null;
      try {
        made = await call("POST", this.root.dataset.highlights, { page: number, rects: rects.slice(0, 200), color: this.color, text });
        this.highlights.push(made);
        this.mark(number);
      } catch (error) {
        say(error.message);
      }
      tell("sentence", { value: text });
      document.dispatchEvent(new Event("harvest:picked"));
      tell("picked", { data: { page: number, highlight_id: made?.id ?? null } });
      found.chosen.removeAllRanges();
      document.querySelector("#triples input")?.focus();
    }

    current() {
      const middle = this.scroll.scrollTop + this.scroll.clientHeight / 2;
      let number = 1;
      this.pages.forEach((slot, at) => { if (slot.box.offsetTop <= middle) number = at; });
      return number;
    }

    showPlace() {
      const number = this.current();
      this.place.textContent = `${number} / ${this.pdf.numPages}${this.pages[number].bare ? " · no text to select: please type" : ""}`;
    }

    go(number) {
      if (!this.pages.length) return; // it is still on its way
      const slot = this.pages[Math.min(Math.max(number, 1), this.pdf.numPages)];
      this.scroll.scrollTop = slot.box.offsetTop - 8;
    }

    setZoom(zoom) {
      if (!this.pages.length) return;
      const at = this.current();
      this.zoom = Math.min(Math.max(zoom, 0.4), 4);
      this.pdf.getPage(1).then((page) => {
        const size = page.getViewport({ scale: this.fit * this.zoom });
        this.pages.forEach((slot) => {
          slot.box.style.width = `${size.width}px`;
          slot.box.style.height = `${size.height}px`;
          this.watch.unobserve(slot.box);
          this.watch.observe(slot.box);
        });
        this.go(at);
      });
    }
  }

  whenever("#viewer[data-pdf]", (root) => { root.viewer = new Viewer(root); });
  /* "Show" beside a saved sentence leads to its page. */
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element && event.target.closest("[data-page-of]");
    if (link) document.getElementById("viewer")?.viewer?.go(Number(link.dataset.pageOf));
  });
  /* A deleted highlight disappears from the page. */
  whenever("#highlights-changed", () => document.getElementById("viewer")?.viewer?.load());
})();
