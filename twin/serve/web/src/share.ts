/** A link to exactly this view, as text and as QR code; a picture to save. */

import qrcode from 'qrcode-generator';
import { button, field, h, svg } from './dom';
import type { Page, Part } from './page';
import type { Compare, State } from './store';
import type { Language } from './types';

/** What a link says of the view. */
export function address(page: Page): string {
  const { state } = page.store;
  const { eye } = page.view;
  const { x, y } = eye.controls.target;
  const words: Record<string, string> = {
    l: state.layer ?? '', t: String(state.time), v: state.variant, o: state.other, c: state.compare, s: state.split.toFixed(2),
    h: state.hatch ? '1' : '0', d: state.shadows ? '1' : '0', u: state.sunFollows ? '' : state.sun.toISOString().slice(0, 16), g: state.language,
    e: [x, y, eye.distance, eye.azimuth, eye.tilt].map((n) => n.toFixed(1)).join(','),
  };
  return `${location.href.split('#')[0]}#${new URLSearchParams(words).toString()}`;
}

/** The state that a link asks for; what it says wrongly is left out. */
export function fromAddress(page: Page, hash: string): Partial<State> {
  const words = new URLSearchParams(hash.replace(/^#/, ''));
  const { manifest } = page.everything;
  const patch: Partial<State> = {};
  const layer = words.get('l');
  if (layer !== null && (layer === '' || manifest.layers.some((l) => l.key === layer))) patch.layer = layer || null;
  const time = Number(words.get('t') ?? NaN);
  if (Number.isInteger(time) && time >= 0 && time < manifest.times.length) patch.time = time;
  const known = (key: string | null): key is string => manifest.variants.some((v) => v.key === key);
  const [variant, other, compare, language] = [words.get('v'), words.get('o'), words.get('c'), words.get('g')];
  if (known(variant)) patch.variant = variant;
  if (known(other)) patch.other = other;
  if (compare && ['off', 'swipe', 'side'].includes(compare) && manifest.variants.length > 1) patch.compare = compare as Compare;
  const split = Number(words.get('s') ?? NaN);
  if (split >= 0 && split <= 1) patch.split = split;
  if (words.has('h')) patch.hatch = words.get('h') === '1';
  if (words.has('d')) patch.shadows = words.get('d') === '1';
  const sun = new Date(`${words.get('u') ?? ''}Z`);
  if (!Number.isNaN(sun.getTime())) Object.assign(patch, { sun, sunFollows: false });
  else if (patch.time !== undefined) patch.sun = new Date(manifest.times[patch.time]!);
  if (language && manifest.languages.includes(language as Language)) patch.language = language as Language;
  const eye = (words.get('e') ?? '').split(',').map(Number);
  if (eye.length === 5 && eye.every(Number.isFinite)) page.view.eye.look(eye[0]!, eye[1]!, eye[2]!, eye[3]!, eye[4]!);
  return patch;
}

function qr(text: string, label: string): SVGElement {
  const code = qrcode(0, 'M');
  code.addData(text);
  code.make();
  const count = code.getModuleCount();
  let d = '';
  for (let r = 0; r < count; r++) for (let c = 0; c < count; c++) if (code.isDark(r, c)) d += `M${c + 4} ${r + 4}h1v1h-1z`;
  const size = count + 8;
  return svg('svg', { viewBox: `0 0 ${size} ${size}`, class: 'qr', role: 'img', 'aria-label': label }, svg('rect', { width: size, height: size, fill: '#fff' }), svg('path', { d, fill: '#000' }));
}

export const sharePart: Part = {
  key: 'share',
  body(page) {
    const { speech } = page;
    const link = h('input', { type: 'text', readonly: true, class: 'wide' });
    const holder = h('div', {});
    const make = (): void => {
      link.value = address(page);
      try { holder.replaceChildren(qr(link.value, speech.t('share_qr'))); } catch { holder.replaceChildren(); }
    };
    const copy = async (): Promise<void> => {
      make();
      try { await navigator.clipboard.writeText(link.value); } catch { link.select(); document.execCommand('copy'); }
      page.announce(speech.t('share_copied'));
    };
    const save = async (): Promise<void> => {
      const blob = await page.view.picture();
      if (!blob) return;
      const reference = URL.createObjectURL(blob);
      h('a', { href: reference, download: 'twin.png' }).click();
      URL.revokeObjectURL(reference);
    };
    return h('div', {}, h('div', { class: 'row' }, button(speech.t('share_make'), make, { class: 'main' }), button(speech.t('share_copy'), () => void copy()), button(speech.t('share_picture'), () => void save())),
      field(speech.t('share_link'), link), holder);
  },
};
