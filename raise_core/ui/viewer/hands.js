// Mouse, touch, pen and keyboard.

const LARGEST_ZOOM = 12;
const SMALLEST_ZOOM = 0.5;
const WHEEL_PER_SLICE = 60; // a notch of a mouse wheel is about 100, a trackpad sends many small ones
const KEY_ZOOM = 1.25;
const KEY_PAN_MM = 10;

function zoomTo(viewer, zoom, pane, x, y) {
  const { view } = viewer;
  const next = Math.max(SMALLEST_ZOOM, Math.min(LARGEST_ZOOM, zoom));
  const size = { width: pane.canvas.clientWidth, height: pane.canvas.clientHeight };
  const before = placement(pane.meta, size, view).scale;
  view.zoom = next;
  const after = placement(pane.meta, size, view).scale;
  view.x += (x - size.width / 2) * (1 / after - 1 / before); // what lies under the pointer stays there
  view.y += (y - size.height / 2) * (1 / after - 1 / before);
  viewer.draw();
}

function reset(viewer) {
  Object.assign(viewer.view, { zoom: 1, x: 0, y: 0 });
  for (const pane of viewer.panes) pane.rulers.clear();
  viewer.draw();
}

function chooseTool(viewer, tool) {
  viewer.tool = tool;
  for (const button of viewer.root.querySelectorAll("[data-tool]")) {
    button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
  }
  viewer.root.dataset.tool = tool;
  for (const pane of viewer.panes) pane.crosshair = null;
  viewer.draw();
}

function connectTools(viewer) {
  const { find, root, look } = viewer;
  for (const button of root.querySelectorAll("[data-tool]")) {
    button.addEventListener("click", () => chooseTool(viewer, button.dataset.tool));
  }
  chooseTool(viewer, "move");
  find(".reset").addEventListener("click", () => reset(viewer));
  const middle = (factor) => {
    const pane = viewer.panes[0];
    zoomTo(viewer, viewer.view.zoom * factor, pane, pane.canvas.clientWidth / 2, pane.canvas.clientHeight / 2);
  };
  find(".closer").addEventListener("click", () => middle(KEY_ZOOM));
  find(".further").addEventListener("click", () => middle(1 / KEY_ZOOM));
  find(".slice").addEventListener("input", (event) => viewer.goTo(Number(event.target.value) - 1));
  const mask = (selector, name) =>
    find(selector).addEventListener("change", (event) => {
      look[name] = event.target.checked;
      viewer.draw();
    });
  mask(".show-lesions", "lesions");
  mask(".show-liver", "liver");
  find(".opacity").addEventListener("input", (event) => {
    look.opacity = Number(event.target.value) / 100;
    find(".opacity-number").textContent = `${event.target.value} %`;
    viewer.draw();
  });
}

function connectPane(viewer, pane) {
  const { canvas } = pane;
  const held = new Map();
  let wheel = 0;
  let ruler = null;
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const pixels = (point) => pane.place.toPixels(point.x, point.y);

  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const { x, y } = at(event);
    if (event.ctrlKey) {
      zoomTo(viewer, viewer.view.zoom * Math.exp(-event.deltaY / 300), pane, x, y);
      return;
    }
    wheel += event.deltaMode === 1 ? event.deltaY * 33 : event.deltaY;
    const steps = Math.trunc(wheel / WHEEL_PER_SLICE);
    if (!steps) return;
    wheel = 0;
    viewer.goTo(viewer.slice + Math.sign(steps));
  }, { passive: false });

  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("dblclick", () => viewer.tool !== "measure" && reset(viewer));

  canvas.addEventListener("pointerdown", (event) => {
    if (!pane.place) return;
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    held.set(event.pointerId, at(event));
    pane.crosshair = null;
    if (viewer.tool === "measure" && event.button === 0 && held.size === 1) {
      ruler = { a: pixels(at(event)), b: null };
      pane.rulers.set(viewer.sliceOf(pane), [...(pane.rulers.get(viewer.sliceOf(pane)) ?? []), ruler]);
    }
  });

  canvas.addEventListener("pointermove", (event) => {
    if (!pane.place) return;
    const now = at(event);
    const before = held.get(event.pointerId);
    pane.pointer = pixels(now);
    if (before && held.size === 2) {
      const other = [...held].find(([id]) => id !== event.pointerId)[1];
      const spread = (point) => Math.hypot(point.x - other.x, point.y - other.y) || 1;
      const grown = viewer.view.zoom * (spread(now) / spread(before));
      zoomTo(viewer, grown, pane, (now.x + other.x) / 2, (now.y + other.y) / 2);
      viewer.view.x += (now.x - before.x) / 2 / pane.place.scale;
      viewer.view.y += (now.y - before.y) / 2 / pane.place.scale;
    } else if (before) {
      drag(viewer, pane, event, now.x - before.x, now.y - before.y, ruler);
    }
    if (before) held.set(event.pointerId, now);
    viewer.draw();
  });

  const release = (event) => {
    held.delete(event.pointerId);
    if (ruler && (!ruler.b || distanceMm(pane.meta, ruler.a, ruler.b) < 0.5)) {
      const k = viewer.sliceOf(pane);
      pane.rulers.set(k, (pane.rulers.get(k) ?? []).filter((one) => one !== ruler));
    }
    ruler = null;
    viewer.draw();
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", () => { pane.pointer = null; viewer.draw(); });
  canvas.addEventListener("keydown", (event) => press(viewer, pane, event));
}

function drag(viewer, pane, event, dx, dy, ruler) {
  if (ruler) {
    ruler.b = pane.pointer;
    return;
  }
  if (event.buttons & 2 || (viewer.tool === "window" && event.buttons & 1)) {
    const perPixel = Math.max(viewer.look.width, 0.5) / 250;
    const round = (value) => (pane.meta.unit === "HU" ? Math.round(value) : Number(value.toFixed(2)));
    const width = Math.max(pane.meta.unit === "HU" ? 1 : 0.1, viewer.look.width + dx * perPixel);
    viewer.setWindow(round(width), round(viewer.look.level - dy * perPixel));
    return;
  }
  viewer.view.x += dx / pane.place.scale;
  viewer.view.y += dy / pane.place.scale;
}

// In the measuring tool the arrows move a cross; Enter sets its ends.
function moveCross(viewer, pane, event) {
  const step = event.shiftKey ? 10 : 1;
  const moves = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
  const k = viewer.sliceOf(pane);
  if (moves[event.key]) {
    const [x, y] = moves[event.key];
    const from = pane.crosshair ?? { x: pane.meta.columns / 2, y: pane.meta.rows / 2 };
    pane.crosshair = { x: from.x + x * step, y: from.y + y * step };
    pane.pointer = pane.crosshair;
    if (pane.measuring) pane.measuring.b = { ...pane.crosshair };
    return true;
  }
  if (event.key !== "Enter" || !pane.crosshair) return false;
  if (pane.measuring) {
    pane.measuring = null;
  } else {
    pane.measuring = { a: { ...pane.crosshair }, b: { ...pane.crosshair } };
    pane.rulers.set(k, [...(pane.rulers.get(k) ?? []), pane.measuring]);
  }
  return true;
}

function press(viewer, pane, event) {
  if (event.altKey || event.metaKey || event.ctrlKey) return;
  const { view } = viewer;
  const centre = [pane, pane.canvas.clientWidth / 2, pane.canvas.clientHeight / 2];
  const pan = (x, y) => { view.x += x * KEY_PAN_MM; view.y += y * KEY_PAN_MM; };
  const shifted = {
    ArrowUp: () => pan(0, 1),
    ArrowDown: () => pan(0, -1),
    ArrowLeft: () => pan(1, 0),
    ArrowRight: () => pan(-1, 0),
  };
  const plain = {
    ArrowUp: () => viewer.goTo(viewer.slice + 1),
    ArrowDown: () => viewer.goTo(viewer.slice - 1),
    ArrowRight: () => viewer.goTo(viewer.slice + 1),
    ArrowLeft: () => viewer.goTo(viewer.slice - 1),
    PageUp: () => viewer.goTo(viewer.slice + 5),
    PageDown: () => viewer.goTo(viewer.slice - 5),
    Home: () => viewer.goTo(0),
    End: () => viewer.goTo(pane.meta.positions.length),
    "+": () => zoomTo(viewer, view.zoom * KEY_ZOOM, ...centre),
    "-": () => zoomTo(viewer, view.zoom / KEY_ZOOM, ...centre),
    0: () => reset(viewer),
    m: () => viewer.find(".show-lesions").click(),
    r: () => chooseTool(viewer, viewer.tool === "measure" ? "move" : "measure"),
    Escape: () => { pane.rulers.delete(viewer.sliceOf(pane)); pane.measuring = null; pane.crosshair = null; },
  };
  const done = viewer.tool === "measure" && moveCross(viewer, pane, event);
  const action = done ? () => {} : (event.shiftKey && shifted[event.key]) || plain[event.key];
  if (!action) return;
  event.preventDefault();
  action();
  viewer.draw();
}
