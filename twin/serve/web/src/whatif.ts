/** What if: measures placed on the map by mouse, touch or keyboard, worked out by the server, shown beside today. */

import { button, field, h, select } from './dom';
import { Marks } from './marks';
import { indicatorTable } from './numbers';
import type { Page, Part } from './page';
import type { Grid, Indicator, MeasureKind, Scale, Words } from './types';

interface Placed { kind: MeasureKind; x: number; y: number; size: number; building: string | null }
interface LayerPatch { key: string; time: number; grid: Grid; scale: Scale; data: string }

const SIDES = [5, 10, 15, 20];

function square(p: Placed): [number, number][] {
  const half = p.size / 2;
  return [[p.x - half, p.y - half], [p.x + half, p.y - half], [p.x + half, p.y + half], [p.x - half, p.y + half]];
}

function amountOf(p: Placed): number { return p.kind.unit === 'tree' ? 1 : p.building ? 1 : p.kind.unit === 'm2' ? p.size * p.size : p.size; }
const costOf = (p: Placed): number => p.kind.cost * amountOf(p);

/** The request: points of one kind of tree together, everything else one by one. */
function request(placed: Placed[], language: string): unknown {
  const trees = new Map<string, [number, number][]>();
  const others: unknown[] = [];
  for (const p of placed) {
    if (p.kind.unit === 'tree') trees.set(p.kind.kind, [...(trees.get(p.kind.kind) ?? []), [p.x, p.y]]);
    else if (p.building) others.push({ kind: p.kind.kind, building: p.building });
    else others.push({ kind: p.kind.kind, polygon: square(p) });
  }
  return { variant_of: 'baseline', measures: [...[...trees].map(([kind, points]) => ({ kind, points })), ...others], lang: language };
}

/** Put the values of a window into a copy of the baseline's bytes. */
async function patched(page: Page, patch: LayerPatch, drafts: Map<string, Uint8Array>): Promise<void> {
  const layer = page.bytes.info(patch.key);
  if (!layer) return;
  const first = await (page.bytes.read(layer, 'baseline') ?? null);
  if (!first) return;
  const bytes = drafts.get(patch.key) ?? first.slice();
  drafts.set(patch.key, bytes);
  const raw = Uint8Array.from(atob(patch.data), (c) => c.charCodeAt(0));
  const small = new Uint8Array(await new Response(new Blob([raw]).stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer());
  const { grid } = layer;
  const step = Math.max(layer.times.indexOf(patch.time), 0) * grid.width * grid.height;
  const sums = new Map<number, [number, number]>();
  for (let r = 0; r < patch.grid.height; r++) {
    for (let c = 0; c < patch.grid.width; c++) {
      const column = Math.floor((patch.grid.x0 + (c + 0.5) * patch.grid.cell - grid.x0) / grid.cell);
      const row = Math.floor((grid.y0 - patch.grid.y0 + (r + 0.5) * patch.grid.cell) / grid.cell);
      const byte = small[r * patch.grid.width + c]!;
      if (column < 0 || row < 0 || column >= grid.width || row >= grid.height || byte === 255) continue;
      const sum = sums.get(row * grid.width + column) ?? [0, 0];
      sums.set(row * grid.width + column, [sum[0] + patch.scale.offset + patch.scale.factor * byte, sum[1] + 1]);
    }
  }
  for (const [at, [sum, count]] of sums) {
    bytes[step + at] = Math.min(Math.max(Math.round((sum / count - layer.scale.offset) / layer.scale.factor), 0), 254);
  }
}

class Draft {
  placed: Placed[] = [];
  job: string | null = null;
  stream: EventSource | null = null;
  answer: Words | null = null;
  rows: Indicator[] = [];
}
const draft = new Draft();

export function whatIfPart(page: Page): Part | null {
  const offer = page.server?.event.what_if;
  if (!offer?.enabled || !offer.measures.length) return null;
  return { key: 'whatif', open: true, body: () => body(page, offer.measures, offer.budget, offer.area) };
}

function body(page: Page, kinds: MeasureKind[], budget: number | null, area: [number, number, number, number]): HTMLElement {
  const { speech, store, view, server } = page;
  const marks = new Marks(view);
  let kind = kinds[0]!;
  let size = SIDES[1]!;
  const list = h('ol', { class: 'placed' });
  const sum = h('p', { class: 'now', role: 'status' });
  const outcome = h('div', { 'aria-live': 'polite' });
  const money = new Intl.NumberFormat(speech.locale, { style: 'currency', currency: 'EUR', maximumFractionDigits: 0 });
  const cost = (): number => draft.placed.reduce((total, p) => total + costOf(p), 0);
  const show = (): void => {
    marks.clear();
    for (const p of draft.placed) {
      if (p.kind.unit === 'tree') marks.tree(p.x, p.y, 9, 2.6);
      else if (p.building) marks.pin(p.x, p.y, 0x2f7d32);
      else marks.patch(square(p), p.kind.kind === 'shade_sail' ? 0xe0b400 : 0x2f7d32);
    }
    list.replaceChildren(...draft.placed.map((p, k) => h('li', {}, h('span', {}, `${speech.pick(p.kind.label)} `), button(speech.t('remove'), () => { draft.placed.splice(k, 1); show(); }, { 'aria-label': speech.t('remove_one', { name: speech.pick(p.kind.label), number: k + 1 }) }))));
    sum.textContent = speech.t(budget === null ? 'whatif_sum' : 'whatif_budget', { count: draft.placed.length, cost: money.format(cost()), budget: money.format(budget ?? 0) });
    go.disabled = !draft.placed.length;
  };
  const place = (x: number, y: number): void => {
    const [west, south, east, north] = area;
    const said = (key: string): void => page.announce(speech.t(key));
    if (x < west || x > east || y < south || y > north) return said('whatif_outside');
    const picked = kind.kind === 'green_roof' ? page.store.state.picked : null;
    const building = picked?.kind === 'building' ? page.everything.features.buildings.id?.[picked.row] ?? null : null;
    if (kind.kind === 'green_roof' && !building) return said('whatif_pick_building');
    const one: Placed = { kind, x, y, size, building };
    if (budget !== null && cost() + costOf(one) > budget) return said('whatif_too_dear');
    if (draft.placed.filter((p) => p.kind.kind === kind.kind).reduce((n, p) => n + amountOf(p), 0) + amountOf(one) > kind.max) return said('whatif_too_many');
    draft.placed.push(one);
    show();
    page.announce(`${speech.t('whatif_placed', { name: speech.pick(kind.label) })} ${sum.textContent}`);
  };
  const start = button('', () => {
    const on = store.state.mode !== 'place';
    store.set({ mode: on ? 'place' : 'look' });
    page.tool = on ? place : null;
    if (on) { page.announce(speech.t('whatif_how')); view.canvas.focus(); }
  }, { class: 'main' });
  store.on(() => label(), 'mode');
  const label = (): void => { start.textContent = speech.t(store.state.mode === 'place' ? 'whatif_stop' : 'whatif_start'); };
  label();
  const go = button(speech.t('whatif_go'), () => void ask(page, outcome, show), { class: 'main' });
  const sizeField = select(speech.t('whatif_size'), SIDES.map((s): [string, string] => [String(s), `${s} × ${s} m`]), String(size), (value) => { size = Number(value); });
  sizeField.hidden = kind.unit === 'tree';
  const chooser = select(speech.t('whatif_what'), kinds.map((k): [string, string] => [k.kind, speech.pick(k.label)]), kind.kind, (value) => {
    kind = kinds.find((k) => k.kind === value) ?? kind;
    sizeField.hidden = kind.unit === 'tree' || kind.kind === 'green_roof';
  });
  outcomeOf(page, outcome, show);
  show();
  return h('div', { class: 'whatif' }, h('p', { class: 'hint' }, speech.t('whatif_how')), chooser, sizeField,
    h('div', { class: 'row' }, start, button(speech.t('whatif_here'), () => { const { x, y } = view.eye.controls.target; place(x, y); })),
    sum, list,
    h('div', { class: 'row' }, go, button(speech.t('undo'), () => { draft.placed.pop(); show(); }), button(speech.t('clear'), () => { draft.placed = []; show(); })),
    outcome, server ? null : h('p', {}, ''));
}

async function ask(page: Page, outcome: HTMLElement, show: () => void): Promise<void> {
  const { speech, server, store } = page;
  draft.stream?.close();
  draft.answer = null;
  draft.rows = [];
  store.set({ mode: 'look' });
  page.tool = null;
  const bar = h('progress', { max: 1, value: 0, 'aria-label': speech.t('whatif_working') });
  const words = h('p', {}, speech.t('whatif_working'));
  outcome.replaceChildren(words, bar, button(speech.t('whatif_cancel'), () => { draft.stream?.close(); outcome.replaceChildren(); }));
  const fail = (reason: string): void => { draft.stream?.close(); outcome.replaceChildren(h('p', { class: 'error' }, reason)); };
  const drafts = new Map<string, Uint8Array>();
  let queue: Promise<void> = Promise.resolve();
  try {
    const { job } = await server!.send<{ job: string }>('what-if', request(draft.placed, store.state.language), store.state.language);
    draft.job = job;
    draft.stream = server!.stream(`api/what-if/${encodeURIComponent(job)}?lang=${store.state.language}`, {
      progress: (data) => { const d = data as { share: number; text?: string | Words }; bar.value = d.share; if (d.text) words.textContent = speech.pick(d.text); },
      layer: (data) => { queue = queue.then(() => patched(page, data as LayerPatch, drafts)); },
      indicators: (data) => { draft.rows = (Array.isArray(data) ? data : (data as { rows: Indicator[] }).rows) ?? []; },
      answer: (data) => { const d = data as { text?: Words } & Words; draft.answer = d.text ?? d; },
      failed: (data) => fail((data as { error?: string } | null)?.error ?? speech.t('whatif_failed')),
      error: () => { if (draft.stream?.readyState === EventSource.CLOSED) fail(speech.t('whatif_failed')); },
      done: () => {
        draft.stream?.close();
        void queue.then(() => {
          for (const [key, bytes] of drafts) page.bytes.put(key, 'draft', bytes);
          const { variants } = page.everything.manifest;
          if (!variants.some((v) => v.key === 'draft')) variants.push({ key: 'draft', label: { de: speech.t('whatif_draft'), en: speech.t('whatif_draft'), ls: speech.t('whatif_draft') } });
          const layer = drafts.has(store.state.layer ?? '') ? store.state.layer : ([...drafts.keys()][0] ?? store.state.layer);
          store.set({ layer, variant: 'baseline', other: 'draft', compare: 'swipe', split: 0.5 });
          page.rebuild();
          const told = speech.pick(draft.answer ?? undefined);
          page.announce(told || speech.t('whatif_done'));
        });
      },
    });
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error));
  }
  show();
}

/** The answer in words and numbers, and a form to keep the idea. */
function outcomeOf(page: Page, outcome: HTMLElement, show: () => void): void {
  const { speech, server, store } = page;
  if (!draft.answer && !draft.rows.length) return;
  const title = h('input', { type: 'text', maxlength: 120, required: true });
  const told = h('p', { role: 'status' });
  const save = async (): Promise<void> => {
    if (!title.value.trim()) { told.textContent = speech.t('whatif_title_missing'); title.focus(); return; }
    try {
      await server!.send('variants', { job: draft.job, title: title.value.trim() }, store.state.language);
      told.textContent = speech.t('whatif_saved');
      show();
    } catch (error) { told.textContent = error instanceof Error ? error.message : String(error); }
  };
  outcome.replaceChildren(h('p', { class: 'answer' }, speech.pick(draft.answer ?? undefined)),
    draft.rows.length ? indicatorTable(page, draft.rows, [{ key: 'baseline', label: speech.t('today') }, ...Object.keys(draft.rows[0]!.values).filter((k) => k !== 'baseline').map((key) => ({ key, label: speech.t('whatif_draft') }))]) : h('p', {}),
    field(speech.t('whatif_title'), title), button(speech.t('whatif_save'), () => void save(), { class: 'main' }), told);
}
