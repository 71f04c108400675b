/** Sun and shadow by date and time of day. */

import { check, field, h } from './dom';
import type { Page, Part } from './page';
import { sunPosition } from './sun';
import { timeOf } from './time';
import { localParts, momentOf } from './words';

function direction(page: Page, azimuth: number): string {
  const names = page.speech.t('compass').split(',');
  return names[Math.round(azimuth / 45) % 8]!;
}

export const sunPart: Part = {
  key: 'sun',
  body(page) {
    const { speech, store, everything } = page;
    const { origin, times } = everything.manifest;
    const zone = speech.zone;
    const date = h('input', { type: 'date', onchange: () => change() });
    const clock = h('input', { type: 'range', min: 0, max: 1435, step: 5, class: 'wide', oninput: () => change() });
    const words = h('output', {});
    const change = (): void => {
      if (date.value) store.set({ sun: momentOf(date.value, Number(clock.value), zone), sunFollows: false });
    };
    const follow = times.length ? check(speech.t('sun_follows'), store.state.sunFollows, (sunFollows) => {
      store.set(sunFollows ? { sunFollows, sun: timeOf(page, store.state.time)! } : { sunFollows });
    }) : null;
    const show = (): void => {
      const { date: day, minutes } = localParts(store.state.sun, zone);
      date.value = day;
      clock.value = String(minutes);
      const place = sunPosition(store.state.sun, origin.latitude ?? 51, origin.longitude ?? 10);
      const said = place.altitude < 0
        ? speech.t('sun_down', { clock: speech.clock(store.state.sun) })
        : speech.t('sun_at', { clock: speech.clock(store.state.sun), altitude: speech.number(place.altitude, 0), direction: direction(page, place.azimuth) });
      words.textContent = said;
      clock.setAttribute('aria-valuetext', said);
      const box = follow?.querySelector('input');
      if (box) box.checked = store.state.sunFollows;
    };
    store.on(show, 'sun', 'sunFollows');
    show();
    const shadows = check(speech.t('sun_shadows'), store.state.shadows, (value) => store.set({ shadows: value }));
    store.on((state) => { shadows.querySelector('input')!.checked = state.shadows; }, 'shadows');
    return h('div', {}, shadows, follow,
      field(speech.t('sun_date'), date), field(speech.t('sun_time'), clock), h('p', { class: 'now' }, words));
  },
};
