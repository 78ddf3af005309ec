/** Saving the drawing as a file that stands alone: colours and fonts are written into it, since no stylesheet goes with it. */

const painted = ['fill', 'stroke', 'stroke-width', 'stroke-dasharray', 'stroke-linecap', 'opacity', 'font-family', 'font-size', 'font-weight', 'text-anchor', 'paint-order'] as const;

/** How many pixels of a PNG for one of the drawing, and no more than browsers draw. */
const density = 2;
const mostPixels = 16_000;

/** standalone is the text of an SVG file of what is drawn, with the styles as they are now. */
export function standalone(drawn: SVGSVGElement, width: number, height: number, background: string): string {
  const copy = drawn.cloneNode(true);
  if (!(copy instanceof SVGSVGElement)) throw new Error('the drawing cannot be copied');
  const [from, to] = [[...drawn.querySelectorAll('*')], [...copy.querySelectorAll('*')]];
  from.forEach((element, i) => {
    const style = getComputedStyle(element);
    for (const name of painted) to[i]?.setAttribute(name, style.getPropertyValue(name));
    for (const name of ['class', 'href', 'tabindex', 'data-id']) to[i]?.removeAttribute(name);
  });
  copy.querySelectorAll('[data-hit]').forEach((e) => e.remove());
  copy.removeAttribute('class');
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  copy.setAttribute('viewBox', `0 0 ${width} ${height}`);
  copy.setAttribute('width', String(width));
  copy.setAttribute('height', String(height));
  const ground = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
  for (const [k, v] of Object.entries({ width: '100%', height: '100%', fill: background })) ground.setAttribute(k, v);
  copy.prepend(ground);
  return new XMLSerializer().serializeToString(copy);
}

/** offer lets the browser save a blob under a name. */
export function offer(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken it when the click is over, but some look again a moment later.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export const svgBlob = (text: string): Blob => new Blob([text], { type: 'image/svg+xml' });

/** pngBlob draws an SVG file into pixels. */
export async function pngBlob(text: string, width: number, height: number): Promise<Blob> {
  const url = URL.createObjectURL(svgBlob(text));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const scale = Math.min(density, mostPixels / Math.max(width, height));
    const canvas = document.createElement('canvas');
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const context = canvas.getContext('2d');
    if (context === null) throw new Error('this browser draws no pixels');
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise<Blob>((resolve, reject) => canvas.toBlob((b) => (b === null ? reject(new Error('this browser makes no PNG of that size')) : resolve(b)), 'image/png'));
  } finally {
    URL.revokeObjectURL(url);
  }
}
