/* The picture of a selection: entities as dots, relations as arrows. cytoscape is fetched only when it is wanted. */
(() => {
  const { whenever, asset, say, tell } = window.harvest;
  const PALETTE = ["#1b6b47", "#2f6f9f", "#a65d1f", "#7a4d9e", "#a33b4e", "#4d7c0f", "#0f766e", "#8a6d1b", "#5b5f97", "#9d4b7c", "#3f6f5b", "#6b4f3a"];
  const NAME_ALONE = { includeNodes: false, includeOverlays: false, includeUnderlays: false, includeOutlines: false };
  let loading = null;

  /* Whether a line goes through a box (Liang and Barsky). */
  function crosses(from, to, left, top, w, h) {
    const [dx, dy] = [to.x - from.x, to.y - from.y];
    let [enter, leave] = [0, 1];
    for (const [p, q] of [[-dx, from.x - left], [dx, left + w - from.x], [-dy, from.y - top], [dy, top + h - from.y]]) {
      if (p === 0 && q < 0) return false;
      if (p < 0) enter = Math.max(enter, q / p);
      else if (p > 0) leave = Math.min(leave, q / p);
    }
    return enter < leave;
  }

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
    /* By the vocabulary and not by the selection: a colour stays with its type. */
    const all = [...new Set([...JSON.parse(box.dataset.kinds), ...kinds])];
    const color = (kind) => PALETTE[all.indexOf(kind) % PALETTE.length];
    const theme = getComputedStyle(document.documentElement);
    const [ink, quiet, ground, line, green] = ["--ink", "--quiet", "--paper", "--edge-strong", "--green"].map((name) => theme.getPropertyValue(name).trim());
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
      layout: { name: "null" },
      minZoom: 0.15, maxZoom: 4,
      style: [
        { selector: "node", style: { label: "data(name)", "background-color": "data(color)", width: 22, height: 22, "font-size": 12, color: ink, "text-valign": "bottom", "text-margin-y": 4, "text-wrap": "ellipsis", "text-max-width": 120, "text-background-color": ground, "text-background-opacity": 0.85, "text-background-padding": 2 } },
        { selector: "node.above", style: { "text-valign": "top", "text-margin-y": -4 } },
        { selector: "node.right", style: { "text-valign": "center", "text-halign": "right", "text-margin-x": 4, "text-margin-y": 0 } },
        { selector: "node.left", style: { "text-valign": "center", "text-halign": "left", "text-margin-x": -4, "text-margin-y": 0 } },
        { selector: "edge", style: { label: "data(label)", width: "data(width)", "line-color": line, "target-arrow-color": line, "target-arrow-shape": "triangle", "curve-style": "bezier", "font-size": 10, color: quiet, "text-rotation": "autorotate", "text-background-color": ground, "text-background-opacity": 0.85 } },
        { selector: "edge.silent", style: { "text-opacity": 0, "text-background-opacity": 0 } },
        { selector: "edge.near", style: { "text-opacity": 1, "text-background-opacity": 0.9, "line-color": green, "target-arrow-color": green, "z-index": 9 } },
        { selector: "node:active", style: { "overlay-color": green } },
      ],
    });
    /* The layout begins by chance: of several the one in which the fewest relations cross. */
    const tangled = () => {
      const ends = view.edges().map((one) => [one.source().position(), one.target().position()]);
      const side = (a, b, c) => Math.sign((b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x));
      const cross = ([a, b], [c, d]) => side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0;
      return ends.reduce((sum, one, at) => sum + ends.slice(0, at).filter((other) => cross(one, other)).length, 0);
    };
    let best = null;
    for (let tries = nodes.size > 60 ? 1 : 6; tries > 0 && best?.count !== 0; tries -= 1) {
      view.layout({ name: "cose", animate: false, nodeDimensionsIncludeLabels: true, padding: 24, idealEdgeLength: 90, nodeRepulsion: 12000 }).run();
      const count = tangled();
      if (!best || count < best.count) best = { count, places: new Map(view.nodes().map((one) => [one.id(), { ...one.position() }])) };
    }
    view.nodes().positions((one) => best.places.get(one.id()));
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
      /* An entity's name stands on the side where it lies on the fewest relations and entities. */
      const wires = view.edges().map((one) => [one.source().renderedPosition(), one.target().renderedPosition()]);
      const dots = view.nodes().map((one) => one.renderedPosition());
      for (const one of view.nodes()) {
        const { x, y } = one.renderedPosition();
        const off = one.renderedHeight() / 2 + 4;
        const { w, h } = one.renderedBoundingBox(NAME_ALONE);
        const sides = { below: [x - w / 2, y + off], above: [x - w / 2, y - off - h], right: [x + off, y - h / 2], left: [x - off - w, y - h / 2] };
        const cost = Object.fromEntries(Object.entries(sides).map(([side, [left, top]]) => {
          const held = (at) => at.x > left && at.x < left + w && at.y > top && at.y < top + h;
          const cut = left < 0 || top < 0 || left + w > box.clientWidth || top + h > box.clientHeight;
          return [side, 3 * cut + wires.filter(([from, to]) => crosses(from, to, left, top, w, h)).length + 2 * dots.filter(held).length];
        }));
        one.classes(Object.keys(sides).reduce((best, side) => (cost[side] < cost[best] ? side : best)));
      }
      /* No label lies on an entity, its name, or another relation's label. */
      const taken = view.nodes().map((one) => one.renderedBoundingBox({ includeLabels: true }));
      for (const edge of view.edges()) {
        const [from, to] = [edge.source().renderedPosition(), edge.target().renderedPosition()];
        const [across, down] = [to.x - from.x, to.y - from.y];
        const far = Math.hypot(across, down);
        const scale = larger * view.zoom();
        const [long, high] = [6 * edge.data("label").length * scale, 12 * scale];
        const { x, y } = edge.renderedMidpoint();
        const half = { x: (long * Math.abs(across) + high * Math.abs(down)) / far / 2, y: (long * Math.abs(down) + high * Math.abs(across)) / far / 2 };
        const place = { x1: x - half.x, x2: x + half.x, y1: y - half.y, y2: y + half.y };
        const free = far - 34 > long && !taken.some((one) => one.x1 < place.x2 && one.x2 > place.x1 && one.y1 < place.y2 && one.y2 > place.y1);
        edge.toggleClass("silent", lines.length > 40 || !free);
        if (free) { taken.push(place); edge.scratch("place", place); }
      }
    };
    box.view = view;
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
