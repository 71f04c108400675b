/** Values of sensors as they come in (server-sent events). */

import { h } from './dom';
import { Marks } from './marks';
import type { Page, Part } from './page';

interface Reading { value: number | null; unit: string; time: string; flag: string | number; x: number | null; y: number | null; name: string }

let stream: EventSource | null = null;
const latest = new Map<string, Reading>();
let redraw: () => void = () => undefined;

function listen(page: Page): void {
  if (stream || !page.server) return;
  stream = page.server.stream('api/live', {
    latest: (data) => {
      for (const [id, reading] of Object.entries((data ?? {}) as Record<string, Reading>)) latest.set(id, reading);
      redraw();
    },
  });
}

export function livePart(page: Page): Part | null {
  if (!page.server) return null;
  return {
    key: 'live',
    body() {
      const { speech, view } = page;
      const marks = new Marks(view);
      const holder = h('div', {});
      redraw = () => {
        marks.clear();
        if (!latest.size) { holder.replaceChildren(h('p', { class: 'hint' }, speech.t('live_none'))); return; }
        const rows = [...latest.entries()].map(([id, r]) => {
          if (r.x !== null && r.y !== null && view.ground.contains(r.x, r.y)) marks.pin(r.x, r.y, 0x0b57d0, 0.8);
          const doubtful = r.flag && r.flag !== 'good' ? ` (${speech.t('live_doubtful')})` : '';
          return h('tr', {}, h('th', { scope: 'row' }, r.name || id), h('td', { class: 'number' }, speech.amount(r.value, r.unit) + doubtful), h('td', {}, r.time ? speech.clock(new Date(r.time)) : ''));
        });
        holder.replaceChildren(h('table', {}, h('caption', {}, speech.t('live_caption')),
          h('thead', {}, h('tr', {}, ...['live_name', 'live_value', 'live_time'].map((key) => h('th', { scope: 'col' }, speech.t(key))))), h('tbody', {}, ...rows)));
      };
      redraw();
      listen(page);
      return holder;
    },
  };
}
