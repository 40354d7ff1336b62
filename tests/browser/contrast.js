// Text on screen whose contrast with what lies behind it is below WCAG AA (4.5, or 3 for large text).
() => {
  const rgba = (text) => {
    const probe = document.createElement("canvas").getContext("2d");
    probe.clearRect(0, 0, 1, 1);
    probe.fillStyle = text;
    probe.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = probe.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const light = ([r, g, b]) => {
    const part = (v) => ((v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!/[\p{L}\p{N}]/u.test(node.textContent)) continue; // signs are pictures, and 3:1 is enough for them
    if (element?.closest("[data-testid=stSliderThumbValue]")) continue; // stands above its thumb, not on it
    if (!element || element.closest("svg, canvas, [aria-hidden=true], :disabled, [data-disabled]")) continue;
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    if (style.visibility === "hidden" || style.display === "none" || box.width < 2 || box.height < 2) continue;
    let behind = [255, 255, 255, 1];
    let opacity = 1;
    const chain = [];
    for (let e = element; e; e = e.parentElement) chain.unshift(e);
    for (const e of chain) {
      behind = over(rgba(getComputedStyle(e).backgroundColor), behind);
      opacity *= Number(getComputedStyle(e).opacity);
    }
    if (opacity < 0.05) continue;
    const own = rgba(style.color);
    const front = over([own[0], own[1], own[2], own[3] * opacity], behind);
    const [high, low] = [light(front), light(behind)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) found.push(`${ratio.toFixed(2)}: ${node.textContent.trim().slice(0, 50)}`);
  }
  return [...new Set(found)];
}
