/** What is known of the thing picked: its values, and how the layer runs over the day there. */

import { button, h, svg } from './dom';
import { classOf } from './palette';
import { valueOf } from './data';
import { timeOf } from './time';
import type { Page, Part } from './page';
import type { LayerInfo, Picked } from './types';

/** A name for people: what it is, and its name or number. */
export function nameOf(page: Page, picked: Picked): string {
  const { speech, everything: { features, trees } } = page;
  const kind = speech.t(`kind_${picked.kind}`);
  if (picked.kind === 'building') return `${kind}: ${features.buildings.name?.[picked.row] || features.buildings.id?.[picked.row] || picked.row + 1}`;
  if (picked.kind === 'tree') return `${kind}: ${trees.names[trees.species[picked.row] ?? -1] || trees.id[picked.row] || ''}`;
  if (picked.kind === 'street') return `${kind}: ${features.streets.name?.[picked.row] || '–'}`;
  if (picked.kind === 'sensor') return `${kind}: ${features.sensors.name?.[picked.row] || features.sensors.id?.[picked.row] || ''}`;
  return kind;
}

/** Bytes over time of a layer at the thing picked; null where the layer says nothing of it. */
export async function seriesAt(page: Page, layer: LayerInfo, variant: string, picked: Picked): Promise<number[] | null> {
  const { grid, kind } = layer;
  let at = -1;
  if (kind === 'buildings') at = picked.kind === 'building' ? picked.row : -1;
  else if (kind === 'raster' && picked.kind !== 'building') {
    const column = Math.floor((picked.x - grid.x0) / grid.cell);
    const row = Math.floor((grid.y0 - picked.y) / grid.cell);
    if (column >= 0 && row >= 0 && column < grid.width && row < grid.height) at = row * grid.width + column;
  }
  if (at < 0) return null;
  const bytes = await (page.bytes.read(layer, variant) ?? null);
  if (!bytes) return null;
  const size = grid.width * grid.height;
  return Array.from({ length: Math.max(layer.times.length, 1) }, (_, step) => bytes[step * size + at]!);
}

/** The layer that tells about the thing picked: the shown one, else one of its kind. */
function layerFor(page: Page, picked: Picked): LayerInfo | undefined {
  const shown = page.bytes.info(page.store.state.layer);
  const wanted = picked.kind === 'building' ? 'buildings' : 'raster';
  return shown?.kind === wanted ? shown : page.everything.manifest.layers.find((l) => l.kind === wanted);
}

function digits(layer: LayerInfo): number { return layer.scale.factor < 0.1 ? 2 : layer.scale.factor < 1 ? 1 : 0; }

function sentence(page: Page, layer: LayerInfo, byte: number): string {
  const { speech } = page;
  const name = speech.pick(layer.classes[classOf(layer, byte)]?.name);
  const value = valueOf(layer, byte);
  if (value === null) return speech.t('value_none');
  if (layer.scale.factor === 1 && name) return name;
  const amount = speech.amount(value, layer.unit, digits(layer));
  return name ? `${amount} (${name})` : amount;
}

function chart(page: Page, layer: LayerInfo, lines: { label: string; series: number[]; dash: string }[]): HTMLElement {
  const { speech } = page;
  const values = lines.flatMap((l) => l.series.map((b) => valueOf(layer, b))).filter((v): v is number => v !== null);
  if (layer.times.length < 2 || !values.length) return h('div', {});
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const [w, t] = [280, 90];
  const x = (k: number): number => 34 + (k / (layer.times.length - 1)) * (w - 44);
  const y = (v: number): number => 8 + (1 - (v - low) / Math.max(high - low, 1e-6)) * (t - 28);
  const picture = svg('svg', { viewBox: `0 0 ${w} ${t}`, class: 'chart', role: 'img', 'aria-label': speech.t('chart', { low: speech.number(low, digits(layer)), high: speech.number(high, digits(layer)), unit: layer.unit }) });
  for (const v of [low, high]) {
    picture.append(svg('path', { d: `M34 ${y(v)}H${w - 8}`, stroke: '#bbb' }), Object.assign(svg('text', { x: 30, y: y(v) + 4, 'text-anchor': 'end', 'font-size': 11 }), { textContent: speech.number(v, 0) }));
  }
  for (const k of [0, Math.floor(layer.times.length / 2), layer.times.length - 1]) {
    const moment = timeOf(page, layer.times[k]!)!;
    picture.append(Object.assign(svg('text', { x: x(k), y: t - 4, 'text-anchor': k ? (k === layer.times.length - 1 ? 'end' : 'middle') : 'start', 'font-size': 11 }), { textContent: speech.clock(moment) }));
  }
  for (const line of lines) {
    const d = line.series.map((b, k) => ({ k, v: valueOf(layer, b) })).filter((p) => p.v !== null).map((p, n) => `${n ? 'L' : 'M'}${x(p.k).toFixed(1)} ${y(p.v!).toFixed(1)}`).join('');
    picture.append(svg('path', { d, fill: 'none', stroke: '#8a2d12', 'stroke-width': 2, 'stroke-dasharray': line.dash }));
  }
  const now = x(page.view.stepOf(layer, page.store.state.time));
  picture.append(svg('path', { d: `M${now} 4V${t - 20}`, stroke: '#333', 'stroke-dasharray': '2 2' }));
  return h('div', {}, picture);
}

async function details(page: Page, picked: Picked): Promise<HTMLElement> {
  const { speech, store, everything: { features, trees, manifest } } = page;
  const rows: [string, string][] = [];
  const push = (key: string, text: string): void => { if (text && text !== '–') rows.push([speech.t(key), text]); };
  const extra = (values: Record<string, (number | null)[]>): void => {
    for (const [key, column] of Object.entries(values)) push(`v_${key}`, speech.number(column[picked.row], Math.abs(column[picked.row] ?? 0) < 10 ? 2 : 0));
  };
  if (picked.kind === 'building') {
    const table = features.buildings;
    push('v_height', speech.amount(table.height[picked.row], 'm'));
    push('v_storeys', speech.number(table.storeys[picked.row], 0));
    push('v_year', table.year[picked.row] ? String(table.year[picked.row]) : '');
    push('v_id', table.id?.[picked.row] ?? '');
    extra(table.values);
  } else if (picked.kind === 'tree') {
    push('v_height', speech.amount(trees.height[picked.row], 'm'));
    push('v_crown', speech.amount((trees.radius[picked.row] ?? 0) * 2, 'm'));
    push('v_id', trees.id[picked.row] ?? '');
    extra(features.trees.values);
  } else if (picked.kind === 'street') {
    push('v_kind', features.streets.kind[picked.row] ?? '');
    extra(features.streets.values);
  } else if (picked.kind === 'sensor') extra(features.sensors.values);
  push('v_place', `${speech.number(manifest.origin.x + picked.x, 0)}, ${speech.number(manifest.origin.y + picked.y, 0)}`);
  const layer = layerFor(page, picked);
  const lines: { label: string; series: number[]; dash: string }[] = [];
  const said: HTMLElement[] = [];
  if (layer) {
    const keys = store.state.compare === 'off' ? [store.state.variant] : [store.state.variant, store.state.other];
    for (const [k, key] of keys.entries()) {
      const series = await seriesAt(page, layer, key, picked);
      if (!series) continue;
      const label = speech.pick(manifest.variants.find((v) => v.key === key)?.label);
      lines.push({ label, series, dash: k ? '5 3' : '' });
      const value = sentence(page, layer, series[page.view.stepOf(layer, store.state.time)]!);
      said.push(h('p', { class: 'value' }, `${speech.pick(layer.label)}${keys.length > 1 ? `, ${label}` : ''}: ${value}`));
    }
  }
  return h('div', { class: 'info' }, h('h3', {}, nameOf(page, picked)), ...said, layer && lines.length ? chart(page, layer, lines) : null,
    h('dl', {}, ...rows.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)])),
    h('div', { class: 'row' },
      button(speech.t('fly_there'), () => page.view.eye.look(picked.x, picked.y, Math.min(page.view.eye.distance, 140))),
      button(speech.t('forget'), () => store.set({ picked: null }))));
}

export const infoPart: Part = {
  key: 'info',
  open: true,
  body(page) {
    const { speech, store } = page;
    const holder = h('div', {}, h('p', { class: 'hint' }, speech.t('info_hint')));
    let asked = 0;
    const show = async (): Promise<void> => {
      const mine = ++asked;
      const { picked } = store.state;
      const made = picked ? await details(page, picked) : h('p', { class: 'hint' }, speech.t('info_hint'));
      if (mine === asked) holder.replaceChildren(made);
    };
    store.on(() => void show(), 'picked', 'layer', 'time', 'variant', 'other', 'compare');
    store.on(({ picked }) => {
      if (!picked) return;
      void details(page, picked).then((made) => page.announce([made.querySelector('h3')?.textContent, ...[...made.querySelectorAll('.value')].map((p) => p.textContent)].join('. ')));
    }, 'picked');
    void show();
    return holder;
  },
};
