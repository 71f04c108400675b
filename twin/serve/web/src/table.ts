/** The same data as a table: a text alternative of the 3D view, in step with what is picked. */

import { button, freshId, h, select } from './dom';
import { nameOf } from './info';
import { valueOf } from './data';
import type { Page, Part } from './page';
import type { Kind, Picked } from './types';

const ROWS = 12;

interface Line { picked: Picked; name: string; value: number | null }

async function lines(page: Page, kind: Kind): Promise<{ list: Line[]; head: string; unit: string; digits: number }> {
  const { speech, everything: { features, trees, manifest }, store } = page;
  const make = (row: number, x: number, y: number, value: number | null): Line => {
    const picked: Picked = { kind, row, x, y };
    return { picked, name: nameOf(page, picked).replace(/^[^:]*: /, ''), value };
  };
  if (kind === 'tree') {
    const key = Object.keys(features.trees.values)[0];
    const column = key ? features.trees.values[key]! : trees.height;
    const number = Math.max(manifest.variants.findIndex((v) => v.key === store.state.variant), 0);
    const list = page.view.wood.rows(number).map((row) => make(row, trees.x[row]!, trees.y[row]!, column[row] ?? null));
    return { list, head: speech.t(`v_${key ?? 'height'}`), unit: key ? '' : 'm', digits: 1 };
  }
  const table = kind === 'street' ? features.streets : kind === 'sensor' ? features.sensors : features.buildings;
  const shown = page.bytes.info(store.state.layer);
  const layer = shown?.kind === 'buildings' ? shown : manifest.layers.find((l) => l.kind === 'buildings');
  if (kind === 'building' && layer) {
    const bytes = await (page.bytes.read(layer, store.state.variant) ?? null);
    const step = page.view.stepOf(layer, store.state.time) * layer.grid.width;
    const list = table.x.map((x, row) => make(row, x, table.y[row]!, valueOf(layer, bytes?.[step + row])));
    return { list, head: speech.pick(layer.label), unit: layer.unit, digits: 1 };
  }
  const key = Object.keys(table.values)[0];
  const column = key ? table.values[key]! : kind === 'building' ? features.buildings.height : [];
  const list = table.x.map((x, row) => make(row, x, table.y[row]!, column[row] ?? null));
  return { list, head: speech.t(key ? `v_${key}` : kind === 'building' ? 'v_height' : 'v_value'), unit: '', digits: 2 };
}

export const tablePart: Part = {
  key: 'table',
  body(page) {
    const { speech, store, everything: { features, trees } } = page;
    const counts: [Kind, number][] = [['building', features.buildings.x.length], ['tree', trees.x.length], ['street', features.streets.x.length], ['sensor', features.sensors.x.length]];
    const kinds = counts.filter(([, count]) => count > 0).map(([kind]) => kind);
    let kind: Kind = kinds[0] ?? 'building';
    let start = 0;
    let byValue = true;
    const caption = freshId('caption');
    const holder = h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-labelledby': caption });
    const pages = h('p', { class: 'hint', id: freshId('pages') });
    let asked = 0;
    const show = async (): Promise<void> => {
      const mine = ++asked;
      const { list, head, unit, digits } = await lines(page, kind);
      if (mine !== asked) return;
      list.sort((a, b) => byValue ? (b.value ?? -Infinity) - (a.value ?? -Infinity) || a.picked.row - b.picked.row : a.name.localeCompare(b.name, speech.locale));
      const last = Math.max(0, Math.floor((list.length - 1) / ROWS) * ROWS);
      start = Math.min(Math.max(start, 0), last);
      const { picked } = store.state;
      const body = list.slice(start, start + ROWS).map((line) => {
        const here = picked?.kind === kind && picked.row === line.picked.row;
        return h('tr', here ? { class: 'here' } : {},
          h('td', {}, button(line.name || speech.t('no_name'), () => { store.set({ picked: line.picked }); page.view.eye.look(line.picked.x, line.picked.y, Math.min(page.view.eye.distance, 180)); }, { class: 'link', 'aria-pressed': here ? 'true' : 'false' })),
          h('td', { class: 'number' }, speech.amount(line.value, unit, digits)));
      });
      holder.replaceChildren(h('table', {}, h('caption', { id: caption }, speech.t('table_caption', { kind: speech.t(`kinds_${kind}`) })),
        h('thead', {}, h('tr', {},
          h('th', { scope: 'col', 'aria-sort': byValue ? 'none' : 'ascending' }, button(speech.t('table_name'), () => { byValue = false; void show(); }, { class: 'link' })),
          h('th', { scope: 'col', 'aria-sort': byValue ? 'descending' : 'none' }, button(head, () => { byValue = true; void show(); }, { class: 'link' })))),
        h('tbody', {}, ...body)));
      pages.textContent = speech.t('table_rows', { from: list.length ? start + 1 : 0, to: Math.min(start + ROWS, list.length), count: list.length });
    };
    store.on(() => void show(), 'layer', 'time', 'variant', 'picked');
    store.on(({ picked }) => {
      if (!picked || picked.kind === 'ground' || picked.kind !== kind) return;
      void lines(page, kind).then(({ list }) => {
        list.sort((a, b) => byValue ? (b.value ?? -Infinity) - (a.value ?? -Infinity) || a.picked.row - b.picked.row : a.name.localeCompare(b.name, speech.locale));
        const at = list.findIndex((l) => l.picked.row === picked.row);
        if (at >= 0) { start = Math.floor(at / ROWS) * ROWS; void show(); }
      });
    }, 'picked');
    void show();
    return h('div', {},
      select(speech.t('table_kind'), kinds.map((k): [string, string] => [k, speech.t(`kinds_${k}`)]), kind, (value) => { kind = value as Kind; start = 0; void show(); }),
      holder, pages,
      h('div', { class: 'row' },
        button(speech.t('table_before'), () => { start -= ROWS; void show(); }),
        button(speech.t('table_next'), () => { start += ROWS; void show(); })));
  },
};
