/** Hatchings that tell classes apart without colour: the same six in the map (GLSL) and in the legend (SVG). */

import { svg } from './dom';

/** 1 where a dark line or dot of hatching `kind` lies at a screen point [CSS px]. */
export const HATCH_GLSL = /* glsl */ `
float hatchAt(float kind, vec2 p) {
  if (kind < 0.5) return 0.0;
  if (kind < 1.5) return length(mod(p, 8.0) - 4.0) < 1.1 ? 1.0 : 0.0;
  if (kind < 2.5) return mod(p.y, 7.0) < 1.2 ? 1.0 : 0.0;
  if (kind < 3.5) return mod(p.x + p.y, 9.0) < 1.6 ? 1.0 : 0.0;
  if (kind < 4.5) return mod(p.x - p.y, 7.0) < 1.8 ? 1.0 : 0.0;
  return max(mod(p.x + p.y, 8.0) < 1.5 ? 1.0 : 0.0, mod(p.x - p.y, 8.0) < 1.5 ? 1.0 : 0.0);
}`;

/** A swatch of a class for the legend. */
export function swatch(colours: string[], hatch: number): SVGElement {
  const picture = svg('svg', { viewBox: '0 0 36 24', width: 36, height: 24, 'aria-hidden': 'true', class: 'swatch' });
  const width = 36 / colours.length;
  colours.forEach((fill, k) => picture.append(svg('rect', { x: k * width, y: 0, width: width + 0.2, height: 24, fill })));
  const ink = { stroke: '#111', 'stroke-width': 1.4, fill: 'none' };
  if (hatch === 1) for (let x = 4; x < 36; x += 8) for (let y = 4; y < 24; y += 8) picture.append(svg('circle', { cx: x, cy: y, r: 1.3, fill: '#111' }));
  if (hatch === 2) for (let y = 4; y < 24; y += 7) picture.append(svg('path', { d: `M0 ${y}H36`, ...ink }));
  if (hatch === 3 || hatch === 5) for (let x = 4; x < 60; x += 9) picture.append(svg('path', { d: `M${x} 0L${x - 24} 24`, ...ink }));
  if (hatch === 4 || hatch === 5) for (let x = -24; x < 36; x += 8) picture.append(svg('path', { d: `M${x} 0L${x + 24} 24`, ...ink }));
  picture.append(svg('rect', { x: 0.5, y: 0.5, width: 35, height: 23, fill: 'none', stroke: '#444' }));
  return picture;
}
