// What the server sends: a header, then compressed slices. Decoded slices are kept for the life of the page, within
// bounds, so that going back to one costs nothing.

const MOST_KEPT_BYTES = 96 * 1024 * 1024;
const NO_VALUE = -32768;
const keptSlices = new Map();

const sliceName = (key, k) => `${key}:${k}`;

function readHeader(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  return { header, blobs: bytes.subarray(4 + length) };
}

async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// All low bytes stand before all high bytes.
function joinPixels(planes, count) {
  const pixels = new Int16Array(count);
  for (let at = 0; at < count; at += 1) pixels[at] = planes[at] | (planes[count + at] << 8);
  return pixels;
}

async function keepSlice(entry, pane, blobs) {
  const name = sliceName(entry.key, entry.k);
  if (keptSlices.has(name)) return;
  const cut = ([start, length]) => blobs.slice(start, start + length);
  const [planes, labels] = await Promise.all([
    inflate(cut(entry.pixels)),
    entry.labels ? inflate(cut(entry.labels)) : null,
  ]);
  keptSlices.set(name, {
    pixels: joinPixels(planes, pane.rows * pane.columns),
    labels,
    slope: entry.slope,
    intercept: entry.intercept,
    words: entry.words,
    bytes: 7 * pane.rows * pane.columns, // values, labels and, once looked at, the painted picture
  });
  let total = 0;
  for (const slice of keptSlices.values()) total += slice.bytes;
  for (const [oldest, slice] of keptSlices) {
    if (total <= MOST_KEPT_BYTES) break;
    keptSlices.delete(oldest);
    total -= slice.bytes;
  }
}

function takeSlice(key, k) {
  const name = sliceName(key, k);
  const slice = keptSlices.get(name);
  if (slice) {
    keptSlices.delete(name); // to the end: the ones not looked at for longest go first
    keptSlices.set(name, slice);
  }
  return slice;
}
