// The viewer: keeps what is looked at, asks the server for the slices it has not got, and redraws.

const AHEAD = 2; // slices fetched before they are looked at, in the direction of travel
const BEHIND = 1;
const MOST_AHEAD = 3; // of them in one message, so that what is looked at next never waits long
const SETTLED_MS = 350; // the address is told of a slice when it has been looked at this long
const ASK_AGAIN_MS = 4000;
const views = new WeakMap();

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  let view = views.get(parentElement);
  if (!view) {
    view = new Viewer(parentElement.querySelector(".viewer"));
    views.set(parentElement, view);
  }
  view.tell = (value) => setStateValue("view", value);
  if (data) view.receive(data);
  return () => {
    view.close();
    views.delete(parentElement);
  };
}

class Viewer {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    this.panes = [];
    this.slice = 0;
    this.direction = 1;
    this.view = { zoom: 1, x: 0, y: 0, extent: { width: 1, height: 1 } };
    this.tool = "move";
    this.look = { width: 400, level: 50, lesions: true, liver: false, opacity: 0.4 };
    this.sequence = Date.now() % 1e9;
    this.asked = new Map();
    this.reported = {}; // what the server was told, each with the number of the message that said so
    this.echo = null; // the window it will therefore say back
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.find(".panes"));
    connectTools(this);
  }

  close() {
    this.resized.disconnect();
    clearTimeout(this.settling);
    clearTimeout(this.asking);
  }

  async receive(bytes) {
    if (bytes === this.lastBytes) return;
    this.lastBytes = bytes;
    const { header, blobs } = readHeader(bytes);
    this.root.dataset.bytes = bytes.byteLength;
    const panes = new Map(header.panes.map((pane) => [pane.key, pane]));
    this.setScene(header);
    if (header.heard >= this.unheard) this.unheard = null;
    for (const entry of header.slices) { // what is on screen comes first and is drawn at once
      await keepSlice(entry, panes.get(entry.key), blobs);
      this.asked.delete(sliceName(entry.key, entry.k));
      this.draw();
    }
    if (!header.slices.length) this.draw();
    this.fetch();
  }

  // A new header: follow the server where it asks for something else than what was last reported to it.
  setScene(scene) {
    const before = this.scene;
    this.scene = scene;
    const keys = scene.panes.map((pane) => pane.key).join();
    if (!before || keys !== before.panes.map((pane) => pane.key).join()) {
      buildPanes(this, scene.panes);
      this.slice = scene.slice;
      if (before && before.panes[0].frame !== scene.panes[0].frame) Object.assign(this.view, { zoom: 1, x: 0, y: 0 });
    } else {
      this.panes.forEach((pane, at) => Object.assign(pane, { meta: scene.panes[at] }));
      const heard = scene.heard >= (this.reported.slice?.message ?? 0);
      if (heard && !this.settling) this.slice = scene.slice;
    }
    this.view.extent = {
      width: Math.max(...scene.panes.map((pane) => pane.columns * pane.column_mm)),
      height: Math.max(...scene.panes.map((pane) => pane.rows * pane.row_mm)),
    };
    const { width, level } = scene.window;
    const same = (other) => other && other.width === width && other.level === level;
    if (!same(before?.window) && !same(this.echo)) {
      Object.assign(this.look, { width, level });
      this.echo = null;
    }
    Object.assign(this.look, { colours: scene.colours, lesion: scene.lesion });
    for (const [name, colour] of Object.entries(scene.colours)) this.root.style.setProperty(`--${name}`, colour);
    this.find(".masks").hidden = !scene.panes.some((pane) => pane.lesions.length || pane.has_liver);
    this.find(".liver-switch").hidden = !scene.panes.some((pane) => pane.has_liver);
    this.startedAt ??= performance.now();
  }

  // Slice of a pane that belongs to the main slice: the same distance from the lesion, or the same table position.
  sliceOf(pane) {
    const main = this.panes[0].meta;
    if (pane.meta === main) return this.slice;
    let wanted = main.positions[this.slice];
    if (pane.meta.anchor !== null && main.anchor !== null) {
      wanted += pane.meta.positions[pane.meta.anchor] - main.positions[main.anchor];
    }
    let nearest = 0;
    pane.meta.positions.forEach((position, k) => {
      if (Math.abs(position - wanted) < Math.abs(pane.meta.positions[nearest] - wanted)) nearest = k;
    });
    const away = Math.abs(pane.meta.positions[nearest] - wanted);
    pane.note = away > 0.75 * pane.meta.slice_mm ? `nearest slice, ${away.toFixed(0)} mm away` : "";
    return nearest;
  }

  goTo(slice) {
    const last = this.panes[0].meta.positions.length - 1;
    const next = Math.max(0, Math.min(last, slice));
    if (next === this.slice) return;
    this.direction = next > this.slice ? 1 : -1;
    this.slice = next;
    this.startedAt = performance.now();
    this.draw();
    this.fetch();
    clearTimeout(this.settling);
    this.settling = setTimeout(() => {
      this.settling = null;
      this.report({ slice: this.slice });
    }, SETTLED_MS);
  }

  setWindow(width, level) {
    Object.assign(this.look, { width, level });
    this.draw();
    clearTimeout(this.windowing);
    this.windowing = setTimeout(() => this.report({ window: { width, level } }), SETTLED_MS);
  }

  report(what) {
    this.echo = what.window ?? this.echo;
    for (const [name, value] of Object.entries(what)) this.reported[name] = { value, message: this.sequence + 1 };
    this.send();
    this.unheard = this.sequence;
    this.askLater();
  }

  // Ask for what is on screen and not here, then for its neighbours. After a report it waits to be heard: Streamlit
  // takes the address from each message, and one sent before the new address has arrived would put the old one back.
  fetch() {
    if (!this.scene || this.unheard) return;
    const absent = ([key, k, count]) => k >= 0 && k < count && !keptSlices.has(sliceName(key, k));
    const onScreen = this.panes.map((pane) => [pane.meta.key, this.sliceOf(pane), pane.meta.positions.length]);
    const near = [];
    for (let step = 1; step <= Math.max(AHEAD, BEHIND); step += 1) {
      for (const [key, k, count] of onScreen) {
        if (step <= AHEAD) near.push([key, k + step * this.direction, count]);
        if (step <= BEHIND) near.push([key, k - step * this.direction, count]);
      }
    }
    const seen = onScreen.filter(absent);
    const neighbours = near.filter(absent);
    const useful = new Set([...seen, ...neighbours].map(([key, k]) => sliceName(key, k)));
    for (const name of this.asked.keys()) if (!useful.has(name)) this.asked.delete(name);
    if (!seen.length && this.asked.size) return; // neighbours come one message at a time
    const next = seen.length ? [...seen, ...neighbours.slice(0, seen.length)] : neighbours.slice(0, MOST_AHEAD);
    const due = next.filter(([key, k]) => !this.asked.has(sliceName(key, k)));
    if (!due.length) return;
    for (const [key, k] of due) this.asked.set(sliceName(key, k), [key, k]);
    this.send();
    this.askLater();
  }

  askLater() {
    clearTimeout(this.asking);
    this.asking = setTimeout(() => {
      this.asked.clear();
      this.unheard = null;
      this.fetch();
    }, ASK_AGAIN_MS);
  }

  // A message may overtake the answer to the one before it, so each repeats all that has not arrived, what is on screen
  // first.
  send() {
    this.sequence += 1;
    const onScreen = new Set(this.panes.map((pane) => sliceName(pane.meta.key, this.sliceOf(pane))));
    const wanted = [...this.asked].sort(([a], [b]) => onScreen.has(b) - onScreen.has(a)).map(([, slice]) => slice);
    this.tell({ sequence: this.sequence, wanted, ...this.reported });
  }

  draw() {
    if (!this.scene || this.drawing) return;
    this.drawing = requestAnimationFrame(() => {
      this.drawing = null;
      this.redraw();
    });
  }

  redraw() {
    const words = [];
    let whole = true;
    for (const pane of this.panes) {
      const k = this.sliceOf(pane);
      const slice = takeSlice(pane.meta.key, k);
      whole &&= Boolean(slice);
      const rulers = pane.rulers.get(k) ?? [];
      const cursor = pane.pointer && slice ? readout(slice, pane.meta, pane.pointer) : "";
      pane.place = drawPane(pane.canvas, pane.meta, slice, k, this.look, this.view, {
        rulers: pane.crosshair ? [...rulers, { a: pane.crosshair }] : rulers,
        readout: cursor,
        note: pane.meta === this.panes[0].meta ? "" : pane.note,
      });
      pane.canvas.dataset.slice = k + 1;
      pane.canvas.dataset.drawn = slice ? sliceName(pane.meta.key, k) : "";
      if (slice) {
        const measured = rulers.filter((one) => one.b).map((one) => distanceMm(pane.meta, one.a, one.b));
        const lengths = measured.map((length) => `${length.toFixed(1)} mm`);
        words.push(slice.words + (lengths.length ? ` Measured: ${lengths.join(", ")}.` : ""));
        pane.canvas.setAttribute("aria-label", `Patient ${pane.meta.frame}, ${slice.words}`);
      }
    }
    const bar = this.find(".slice");
    const { positions } = this.panes[0].meta;
    bar.max = positions.length;
    bar.value = this.slice + 1;
    bar.setAttribute("aria-valuetext", `slice ${this.slice + 1} of ${positions.length}`);
    if (!whole) return;
    const window = `Window W ${shortNumber(this.look.width)}, L ${shortNumber(this.look.level)}.`;
    this.find(".words").textContent = `Patient ${this.panes[0].meta.frame}, ${words.join(" Beside it: ")} ${window}`;
    if (this.startedAt !== null) this.root.dataset.milliseconds = (performance.now() - this.startedAt).toFixed(0);
    this.startedAt = null;
  }
}

function buildPanes(viewer, metas) {
  const place = viewer.find(".panes");
  const focused = viewer.panes.findIndex((pane) => pane.canvas.matches(":focus"));
  place.replaceChildren();
  viewer.panes = metas.map((meta) => {
    const canvas = document.createElement("canvas");
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", meta.title);
    canvas.setAttribute("aria-describedby", "keys");
    place.append(canvas);
    const pane = { meta, canvas, rulers: new Map(), pointer: null, crosshair: null, note: "" };
    connectPane(viewer, pane);
    return pane;
  });
  if (focused >= 0) viewer.panes[Math.min(focused, metas.length - 1)].canvas.focus();
}
