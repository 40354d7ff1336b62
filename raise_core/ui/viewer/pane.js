// One picture: grey values through the window, masks over it, and around it what a radiologist expects to read.

const INK = "#FFFFFF";
const HALO = "rgba(0, 0, 0, 0.85)";
const RULER = "#FFD54F";
const FONT_PX = 14;
const SCALE_STEPS_MM = [1, 2, 5, 10, 20, 50, 100, 200];
const LIVER_BIT = 128;
const LESION_BITS = 127;

const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

// What is drawn from the masks, worked out once a slice in one pass: the borders between pixels of a structure and
// pixels outside it, as paths in pixels, and where each lesion's name stands (at the right end of its first row).
function structures(slice, pane) {
  if (slice.structures || !slice.labels) return slice.structures;
  const { rows, columns } = pane;
  const lesions = new Map();
  const peaks = new Map();
  const liver = new Path2D();
  const border = (one, other, draw) => {
    if ((one ^ other) & LIVER_BIT) draw(liver);
    if (!((one ^ other) & LESION_BITS)) return;
    for (const number of [one & LESION_BITS, other & LESION_BITS]) {
      if (!number) continue;
      if (!lesions.has(number)) lesions.set(number, new Path2D());
      draw(lesions.get(number));
    }
  };
  const { labels } = slice;
  for (let row = 0, at = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1, at += 1) {
      const here = labels[at];
      const above = row ? labels[at - columns] : 0;
      const before = column ? labels[at - 1] : 0;
      if (here !== above) border(here, above, (path) => { path.moveTo(column, row); path.lineTo(column + 1, row); });
      if (here !== before) border(here, before, (path) => { path.moveTo(column, row); path.lineTo(column, row + 1); });
      if (!here) continue;
      const number = here & LESION_BITS;
      const peak = number ? peaks.get(number) : null;
      if (number && (!peak || (peak.row === row && peak.column === column - 1))) peaks.set(number, { row, column });
      if (row === rows - 1) border(here, 0, (path) => { path.moveTo(column, rows); path.lineTo(column + 1, rows); });
      if (column < columns - 1) continue;
      border(here, 0, (path) => { path.moveTo(columns, row); path.lineTo(columns, row + 1); });
    }
  }
  slice.structures = { lesions, peaks, liver };
  return slice.structures;
}

// Colour of every stored value outside structures, in lesions and in the liver. Slices of one scan mostly share them.
const palettes = new Map();
const MOST_PALETTES = 8;

function palette(slice, pane, look, sign) {
  const name = [sign, slice.slope, slice.intercept, pane.inverse].join();
  const found = palettes.get(name);
  if (found) return found;
  const low = look.level - look.width / 2;
  const tints = [[], look.lesions ? rgb(look.colours.lesion) : [], look.liver ? rgb(look.colours.liver) : []];
  const made = tints.map((tint) => {
    const share = tint.length ? look.opacity : 0;
    const bytes = new Uint8ClampedArray(4 * 65536);
    for (let at = 0; at < 65536; at += 1) {
      const value = (at - 32768) * slice.slope + slice.intercept;
      let grey = at === 0 ? 0 : Math.max(0, Math.min(255, ((value - low) * 255) / look.width)); // 0 stands for no value
      if (pane.inverse) grey = 255 - grey;
      for (let channel = 0; channel < 3; channel += 1) {
        bytes[4 * at + channel] = grey * (1 - share) + (tint[channel] ?? 0) * share;
      }
      bytes[4 * at + 3] = 255;
    }
    return new Uint32Array(bytes.buffer);
  });
  palettes.set(name, made);
  if (palettes.size > MOST_PALETTES) palettes.delete(palettes.keys().next().value);
  return made;
}

// The slice as a picture of its own pixels; moving the pointer or the picture needs no new one.
function painted(slice, pane, look) {
  const sign = [look.width, look.level, look.lesions, look.liver, look.opacity].join();
  if (slice.painted?.sign === sign) return slice.painted.canvas;
  const canvas = document.createElement("canvas");
  canvas.width = pane.columns;
  canvas.height = pane.rows;
  const context = canvas.getContext("2d");
  const image = context.createImageData(pane.columns, pane.rows);
  const pixels = new Uint32Array(image.data.buffer);
  const [plain, lesion, liver] = palette(slice, pane, look, sign);
  const { pixels: stored, labels } = slice;
  for (let at = 0; at < pixels.length; at += 1) {
    const label = labels ? labels[at] : 0;
    const colours = label === 0 ? plain : label & LESION_BITS ? lesion : liver;
    pixels[at] = colours[stored[at] + 32768];
  }
  context.putImageData(image, 0, 0);
  slice.painted = { sign, canvas };
  return canvas;
}

// Millimetres of the patient to pixels of the canvas, both ways. Pictures side by side have one scale: `view.extent`
// is the width and height, in mm, that all of them fit into.
function placement(pane, size, view) {
  const scale = Math.min(size.width / view.extent.width, size.height / view.extent.height) * view.zoom;
  const left = size.width / 2 + view.x * scale - (pane.columns * pane.column_mm * scale) / 2;
  const top = size.height / 2 + view.y * scale - (pane.rows * pane.row_mm * scale) / 2;
  const across = pane.column_mm * scale;
  const down = pane.row_mm * scale;
  return {
    scale, left, top, across, down,
    toCanvas: (point) => ({ x: left + point.x * across, y: top + point.y * down }),
    toPixels: (x, y) => ({ x: (x - left) / across, y: (y - top) / down }),
  };
}

const distanceMm = (pane, a, b) => Math.hypot((a.x - b.x) * pane.column_mm, (a.y - b.y) * pane.row_mm);

function write(context, text, x, y, { align = "left", baseline = "alphabetic", colour = INK, size = FONT_PX } = {}) {
  context.font = `600 ${size}px "Source Sans", "Segoe UI", Helvetica, Arial, sans-serif`;
  context.textAlign = align;
  context.textBaseline = baseline;
  context.lineWidth = 3;
  context.lineJoin = "round";
  context.strokeStyle = HALO;
  context.strokeText(text, x, y);
  context.fillStyle = colour;
  context.fillText(text, x, y);
}

function strokeOutline(context, path, place, colour, width) {
  const moved = new Path2D();
  moved.addPath(path, new DOMMatrix([place.across, 0, 0, place.down, place.left, place.top]));
  context.lineWidth = width;
  context.lineCap = "square";
  context.strokeStyle = colour;
  context.stroke(moved);
}

function drawStructures(context, slice, pane, place, look) {
  if (!look.lesions && !look.liver) return;
  const found = structures(slice, pane);
  if (!found) return;
  if (look.liver) strokeOutline(context, found.liver, place, look.colours.liver, 1.25);
  if (!look.lesions) return;
  for (const [number, path] of found.lesions) {
    const name = pane.lesions[number - 1];
    strokeOutline(context, path, place, look.colours.lesion, name === look.lesion ? 2.5 : 1.5);
    const { row, column } = found.peaks.get(number);
    const corner = place.toCanvas({ x: column + 1, y: row });
    write(context, name, corner.x + 4, corner.y - 2);
  }
}

function drawScale(context, place, size) {
  const length = SCALE_STEPS_MM.findLast((mm) => mm * place.scale <= 150) ?? SCALE_STEPS_MM[0];
  const pixels = length * place.scale;
  const x = (size.width - pixels) / 2;
  const y = size.height - 30;
  for (const [colour, width] of [[HALO, 5], [INK, 2]]) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    context.moveTo(x, y - 5);
    context.lineTo(x, y);
    context.lineTo(x + pixels, y);
    context.lineTo(x + pixels, y - 5);
    context.stroke();
  }
  write(context, length >= 10 ? `${length / 10} cm` : `${length} mm`, x + pixels + 8, y + 4);
}

function drawRuler(context, pane, place, ruler) {
  const a = place.toCanvas(ruler.a);
  const b = place.toCanvas(ruler.b ?? ruler.a);
  for (const [colour, width] of [[HALO, 4], [RULER, 2]]) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    context.moveTo(a.x, a.y);
    context.lineTo(b.x, b.y);
    for (const end of [a, b]) {
      context.moveTo(end.x - 6, end.y);
      context.lineTo(end.x + 6, end.y);
      context.moveTo(end.x, end.y - 6);
      context.lineTo(end.x, end.y + 6);
    }
    context.stroke();
  }
  if (!ruler.b) return;
  write(context, `${distanceMm(pane, ruler.a, ruler.b).toFixed(1)} mm`, b.x + 10, b.y - 8, { colour: RULER });
}

function drawLetters(context, letters, size) {
  const middle = { x: size.width / 2, y: size.height / 2 };
  write(context, letters.left, 10, middle.y, { baseline: "middle", size: 18 });
  write(context, letters.right, size.width - 10, middle.y, { align: "right", baseline: "middle", size: 18 });
  write(context, letters.top, middle.x, 10, { align: "center", baseline: "top", size: 18 });
  write(context, letters.bottom, middle.x, size.height - 6, { align: "center", size: 18 });
}

function drawPane(canvas, pane, slice, k, look, view, marks) {
  const ratio = window.devicePixelRatio || 1;
  const size = { width: canvas.clientWidth, height: canvas.clientHeight };
  if (!size.width || !size.height) return null;
  canvas.width = Math.round(size.width * ratio);
  canvas.height = Math.round(size.height * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.fillStyle = "#000000";
  context.fillRect(0, 0, size.width, size.height);
  const place = placement(pane, size, view);
  if (slice) {
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    context.drawImage(
      painted(slice, pane, look), place.left, place.top, pane.columns * place.across, pane.rows * place.down,
    );
    drawStructures(context, slice, pane, place, look);
  }
  drawLetters(context, pane.letters, size);
  drawScale(context, place, size);
  const lines = [pane.title, pane.subtitle].filter(Boolean);
  lines.forEach((line, at) => write(context, line, 10, 12 + at * 18, { baseline: "top" }));
  const unit = pane.unit === "SUV" ? " SUV" : "";
  write(context, `W ${shortNumber(look.width)}  L ${shortNumber(look.level)}${unit}`, 10, size.height - 8);
  const position = `${pane.positions[k].toFixed(1).replace("-", "−")} mm`;
  const where = `${k + 1} / ${pane.positions.length}   ${position}`;
  write(context, where, size.width - 10, size.height - 8, { align: "right" });
  if (marks.note) write(context, marks.note, size.width - 10, size.height - 50, { align: "right", colour: RULER });
  for (const ruler of marks.rulers) drawRuler(context, pane, place, ruler);
  if (marks.readout) write(context, marks.readout, size.width - 10, 12, { align: "right", baseline: "top" });
  if (!slice) write(context, "Loading …", size.width / 2, size.height / 2 - 24, { align: "center" });
  return place;
}

const shortNumber = (value) =>
  (Math.abs(value) >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1)).replace("-", "−");

// The value under a pixel, in words.
function readout(slice, pane, point) {
  const column = Math.floor(point.x);
  const row = Math.floor(point.y);
  if (!slice || row < 0 || column < 0 || row >= pane.rows || column >= pane.columns) return "";
  const at = row * pane.columns + column;
  const stored = slice.pixels[at];
  if (stored === NO_VALUE) return "no value";
  const value = stored * slice.slope + slice.intercept;
  const number = pane.unit === "SUV" ? value.toFixed(2) : shortNumber(value);
  const label = slice.labels ? slice.labels[at] : 0;
  const where = label & LESION_BITS ? pane.lesions[(label & LESION_BITS) - 1] : label ? "liver" : "";
  const text = pane.unit === "SUV" ? `SUV ${number}` : `${number} ${pane.unit}`.trim();
  return where ? `${text} · ${where}` : text;
}
