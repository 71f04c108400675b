/** Colours and classes of a layer by byte. */

import { valueOf } from './data';
import type { LayerInfo } from './types';

/** Number of the class of a byte, -1 where it has none. */
export function classOf(layer: LayerInfo, byte: number): number {
  const value = valueOf(layer, byte);
  if (value === null) return -1;
  return layer.classes.findIndex((c) => (c.from === null || value >= c.from) && (c.to === null || value < c.to));
}

function channels(color: string): [number, number, number] {
  return [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16)) as [number, number, number];
}

/** 256 colours (RGBA, sRGB; alpha 0 = nothing to show) and 256 numbers of hatchings. */
export function lookup(layer: LayerInfo): { colours: Uint8Array; hatches: Uint8Array } {
  const colours = new Uint8Array(256 * 4);
  const hatches = new Uint8Array(256);
  for (let byte = 0; byte < 256; byte++) {
    const at = classOf(layer, byte);
    const found = layer.classes[at];
    if (!found) continue;
    const value = valueOf(layer, byte)!;
    const finite = found.from !== null && found.to !== null;
    const place = finite ? Math.floor(((value - found.from!) / (found.to! - found.from!)) * found.shades.length) : 0;
    const shade = found.shades[Math.min(Math.max(place, 0), found.shades.length - 1)] ?? found.color;
    colours.set([...channels(shade), 255], byte * 4);
    hatches[byte] = found.hatch;
  }
  return { colours, hatches };
}
