/* The form for a sentence. Its rows of triples are drawn here and not by Dash, whose work for one more row grows with the
   square of their number. The server fills the form through the store `fill`; the store `rows` says what stands in it. */
(() => {
  const { tell, whenever } = window.harvest;
  const box = () => document.getElementById("triples");
  let filled = [], toSentence = false;

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

  document.addEventListener("input", (event) => event.target.closest("#triples") && keep());
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element && event.target.closest("button");
    if (!button) return;
    if (button.id === "add-triple") add();
    else if (button.matches(".triple .remove")) remove(button.closest(".triple"));
    else if (button.id === "save" || button.id.includes("sentence-edit")) toSentence = true;
  });

  window.dash_clientside = Object.assign(window.dash_clientside || {}, { harvest: {
    fill: (given) => {
      filled = given;
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
