/** The numbers of the result, and what the variant changes. */

import { freshId, h } from './dom';
import { localParts } from './words';
import type { Page, Part } from './page';
import type { Indicator } from './types';

export function indicatorTable(page: Page, rows: Indicator[], variants: { key: string; label: string }[]): HTMLElement {
  const { speech } = page;
  const name = (row: Indicator): string => {
    const clock = row.time ? ` (${speech.clock(new Date(row.time))}, ${localParts(new Date(row.time), speech.zone).date})` : '';
    return speech.pick(row.label) + clock;
  };
  const verdict = (row: Indicator, key: string): string => {
    const change = row.difference[key];
    if (!change || !row.better || Math.abs(change) < 0.5 * 10 ** -row.decimals) return '';
    return change * row.better > 0 ? ` ▲ ${speech.t('better')}` : ` ▼ ${speech.t('worse')}`;
  };
  const caption = freshId('caption');
  return h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-labelledby': caption },
    h('table', {}, h('caption', { id: caption }, speech.t('numbers_caption')),
      h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, speech.t('numbers_name')), ...variants.map((v) => h('th', { scope: 'col' }, v.label)))),
      h('tbody', {}, ...rows.map((row) => h('tr', {}, h('th', { scope: 'row' }, name(row)),
        ...variants.map((v, k) => {
          const change = row.difference[v.key];
          const more = k && change !== null && change !== undefined && Math.abs(change) >= 0.5 * 10 ** -row.decimals ? ` (${speech.signed(change, row.decimals)}${verdict(row, v.key)})` : '';
          return h('td', { class: 'number' }, speech.amount(row.values[v.key], speech.pick(row.unit), row.decimals) + more);
        }))))));
}

export const numbersPart: Part = {
  key: 'numbers',
  body(page) {
    const { speech, everything } = page;
    return indicatorTable(page, everything.indicators, everything.manifest.variants.filter((v) => v.key !== 'draft').map((v) => ({ key: v.key, label: speech.pick(v.label) })));
  },
};
