/* The first script of the page: says which part of it did not arrive, instead of "Loading ..." for ever. */
addEventListener("error", (event) => {
  const from = event.target?.src || event.target?.href;
  if (!["SCRIPT", "LINK"].includes(event.target?.tagName)) return;
  const name = new URL(from).pathname.split("/").pop();
  const told = document.getElementById("not-loaded") ?? Object.assign(document.createElement("p"), { id: "not-loaded", className: "alert" });
  told.setAttribute("role", "alert");
  told.textContent = `A part of HARVEST could not be loaded (${name}). Check your connection, then reload the page.`;
  const show = () => document.body.prepend(told);
  document.body ? show() : addEventListener("DOMContentLoaded", show);
}, true);
