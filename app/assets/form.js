/* The form for a sentence. Its rows of triples are drawn here and not by Dash, whose work for one more row grows with the
   square of their number. The server fills the form through the store `fill`; the store `rows` says what stands in it. */
(() => {
  const { tell, whenever } = window.harvest;
  const box = () => document.getElementById("triples");
  let filled = [], toSentence = false;
  /* Whether something stands in the form that was typed or picked and is not saved. */
  let touched = false;
  const drawn = new WeakSet();

  function append(values) {
    const row = document.getElementById("triple").firstElementChild.cloneNode(true);
    for (const input of row.querySelectorAll("input")) {
      input.removeAttribute("id"); // Dash's, and the model's
      input.value = values[input.name] ?? "";
    }
    row.className = "triple";
    box().append(row);
    return row;
  }

  const read = () => [...box().children].map((row) =>
    Object.fromEntries([...row.querySelectorAll("input")].map((one) => [one.name, one.value])));
  const keep = () => tell("rows", { data: read() });

  function draw() {
    if (!box()) return;
    box().replaceChildren();
    filled.forEach(append);
    if (toSentence) document.getElementById("sentence").focus();
    toSentence = false;
  }
  whenever("#triples", draw); // where the server spoke before React drew the box

  /* A new row continues where the last one was: the same source, as most sentences go on about one thing. */
  function add() {
    const { source_entity_name, source_entity_attr } = read().at(-1) ?? {};
    const inputs = [...append({ source_entity_name, source_entity_attr }).querySelectorAll("input")];
    (inputs.find((one) => !one.value) ?? inputs[0]).focus();
    keep();
  }

  function remove(row) {
    row.remove();
    if (!box().children.length) append({});
    document.getElementById("add-triple").focus();
    keep();
  }

  /* Says at the fields themselves what the message says, and goes to the first. */
  function mark() {
    const sentence = document.getElementById("sentence");
    const rows = [...box().children].map((row) => [...row.querySelectorAll("input")]);
    const begun = rows.filter((row) => row.some((one) => one.value.trim()));
    const wanted = [sentence, ...(begun.length ? begun : rows.slice(0, 1)).flat()];
    const empty = wanted.filter((one) => !one.value.trim());
    for (const one of [sentence, ...rows.flat()]) one.toggleAttribute("aria-invalid", false);
    for (const one of empty) one.setAttribute("aria-invalid", "true");
    empty[0]?.focus();
  }

  document.addEventListener("input", (event) => {
    if (!event.target.closest(".form")) return;
    touched = true;
    if (event.target.value.trim()) event.target.removeAttribute("aria-invalid");
    if (event.target.closest("#triples")) keep();
  });
  document.addEventListener("harvest:picked", () => { touched = true; });
  /* Before Dash sees the click: no draft goes without a question. */
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element && event.target.closest("button");
    if (!button || !touched || !(button.id === "cancel" || button.id.includes("sentence-edit"))) return;
    if (confirm("Discard what you typed and did not save?")) return;
    event.stopImmediatePropagation();
    event.preventDefault();
  }, true);
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element && event.target.closest("button");
    if (!button) return;
    if (button.id === "add-triple") add();
    else if (button.matches(".triple .remove")) remove(button.closest(".triple"));
    else if (button.id === "save" || button.id.includes("sentence-edit")) toSentence = true;
    if (button.id === "save") mark();
  });

  window.dash_clientside = Object.assign(window.dash_clientside || {}, { harvest: {
    fill: (given) => {
      filled = given;
      /* A page begins with the draft that was kept. */
      touched = !drawn.has(box()) && Boolean(document.getElementById("sentence")?.value);
      if (box()) drawn.add(box());
      draw();
      return given;
    },
    keepDraft: (sentence, rows, picked, editing, of, drafts) => {
      const { [of]: _, ...others } = drafts ?? {};
      if (!sentence && !editing && !rows.some((row) => Object.values(row).some(Boolean))) return others;
      /* null and not undefined: JSON drops that, and Dash would store what never becomes equal for ever. */
      return { ...others, [of]: { sentence: sentence ?? "", triples: rows, picked: picked ?? null, editing: editing ?? null } };
    },
  } });
})();
