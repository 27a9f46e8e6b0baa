/* The picture of a selection: entities as dots, relations as arrows. cytoscape is fetched only when it is wanted. */
(() => {
  const { whenever, asset, say, tell } = window.harvest;
  const PALETTE = ["#1b6b47", "#2f6f9f", "#a65d1f", "#7a4d9e", "#a33b4e", "#4d7c0f", "#0f766e", "#8a6d1b", "#5b5f97", "#9d4b7c", "#3f6f5b", "#6b4f3a"];
  let loading = null;

  function library() {
    loading ??= new Promise((resolve, reject) => {
      const script = Object.assign(document.createElement("script"), { src: asset("vendor/cytoscape/cytoscape.vendor.js") });
      script.onload = () => resolve(window.cytoscape);
      script.onerror = () => reject(new Error("The graph library cannot be loaded."));
      document.head.append(script);
    });
    return loading;
  }

  async function draw(box) {
    const edges = JSON.parse(box.dataset.graph);
    const cytoscape = await library();
    const kinds = [...new Set(edges.flatMap((one) => [one.source_type, one.sink_type]))].sort();
    const color = (kind) => PALETTE[kinds.indexOf(kind) % PALETTE.length];
    const nodes = new Map();
    const node = (kind, name) => {
      const id = kind + "\n" + name;
      nodes.set(id, { data: { id, name, color: color(kind) } });
      return id;
    };
    const lines = edges.map((one, at) => ({
      data: {
        id: "e" + at, source: node(one.source_type, one.source_name), target: node(one.sink_type, one.sink_name),
        label: one.count > 1 ? `${one.relation} (${one.count})` : one.relation, width: Math.min(1.5 + Math.log2(one.count), 6),
      },
    }));
    const view = cytoscape({
      container: box,
      elements: [...nodes.values(), ...lines],
      layout: { name: "cose", animate: false, nodeDimensionsIncludeLabels: true, padding: 24, idealEdgeLength: 90, nodeRepulsion: 12000 },
      minZoom: 0.15, maxZoom: 4,
      style: [
        { selector: "node", style: { label: "data(name)", "background-color": "data(color)", width: 22, height: 22, "font-size": 12, color: "#1d2a24", "text-valign": "bottom", "text-margin-y": 4, "text-wrap": "ellipsis", "text-max-width": 120, "text-background-color": "#fff", "text-background-opacity": 0.85, "text-background-padding": 2 } },
        { selector: "edge", style: { label: "data(label)", width: "data(width)", "line-color": "#93a39a", "target-arrow-color": "#93a39a", "target-arrow-shape": "triangle", "curve-style": "bezier", "font-size": 10, color: "#55655d", "text-rotation": "autorotate", "text-background-color": "#fff", "text-background-opacity": 0.85 } },
        { selector: "edge.silent", style: { "text-opacity": 0, "text-background-opacity": 0 } },
        { selector: "edge.near", style: { "text-opacity": 1, "text-background-opacity": 0.9, "line-color": "#1b6b47", "target-arrow-color": "#1b6b47", "z-index": 9 } },
        { selector: "node:active", style: { "overlay-color": "#1b6b47" } },
      ],
    });
    /* Turned and stretched to the shape of its frame: on a phone a picture is high, at a desk it is wide. */
    const drawn = view.nodes().boundingBox();
    const frame = box.clientWidth / box.clientHeight;
    const turn = (drawn.w > drawn.h) !== (frame > 1);
    const stretch = Math.sqrt(frame / (turn ? drawn.h / drawn.w : drawn.w / drawn.h));
    const [wide, high] = [Math.min(Math.max(stretch, 1), 2), Math.min(Math.max(1 / stretch, 1), 2)];
    view.nodes().positions((one) => {
      const { x, y } = one.position();
      return { x: wide * (turn ? y : x), y: high * (turn ? x : y) };
    });
    view.fit(undefined, 24);
    if (view.zoom() > 1.3) { view.zoom(1.3); view.center(); }
    /* Entities' names stay readable however far away the picture is; relations are named where there is room, or where the pointer is. */
    const size = () => {
      const larger = Math.min(1 / Math.min(view.zoom(), 1), nodes.size > 40 ? 1.6 : 4);
      view.style().selector("node").style({ "font-size": 12 * larger, "text-max-width": 120 * larger, width: 22 * Math.sqrt(larger), height: 22 * Math.sqrt(larger) })
        .selector("edge").style({ "font-size": 10 * larger, "arrow-scale": larger }).update();
      for (const edge of view.edges()) {
        const [from, to] = [edge.source().renderedPosition(), edge.target().renderedPosition()];
        const room = Math.hypot(from.x - to.x, from.y - to.y) - 34;
        edge.toggleClass("silent", lines.length > 40 || room < 6 * edge.data("label").length * larger * view.zoom());
      }
    };
    size();
    view.on("zoom", size);
    view.on("dragfree", "node", size);
    view.on("tap", "edge", (event) => { view.elements().removeClass("near"); event.target.addClass("near"); });
    view.on("mouseover", "node, edge", (event) => event.target.closedNeighborhood().edges().union(event.target).addClass("near"));
    view.on("mouseout", "node, edge", () => view.elements().removeClass("near"));
    view.on("tap", "node", (event) => tell("search", { value: event.target.data("name") }));
    document.getElementById("legend")?.replaceChildren(...kinds.map((kind) => {
      const one = document.createElement("li");
      const dot = document.createElement("span");
      dot.className = "dot";
      dot.style.background = color(kind);
      one.append(dot, kind);
      return one;
    }));
  }

  whenever("#graph[data-graph]", (box) => draw(box).catch((error) => say(error.message)));
})();
