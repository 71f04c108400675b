/** Time of day of the layers: slider, player, and the hour in words. */

import { button, field, h } from './dom';
import type { Page, Part } from './page';

let playing: number | null = null;

export function stopPlaying(): void {
  if (playing !== null) window.clearInterval(playing);
  playing = null;
}

export function timeOf(page: Page, index: number): Date | null {
  const stamp = page.everything.manifest.times[index];
  return stamp ? new Date(stamp) : null;
}

/** Set the time of the page; the sun follows where it is asked to. */
export function setTime(page: Page, index: number): void {
  const count = page.everything.manifest.times.length;
  if (!count) return;
  const time = ((index % count) + count) % count;
  const moment = timeOf(page, time)!;
  page.store.set(page.store.state.sunFollows ? { time, sun: moment } : { time });
}

export const timePart: Part = {
  key: 'time',
  open: true,
  body(page) {
    const { speech, store, everything } = page;
    const { times } = everything.manifest;
    if (!times.length) return h('p', { class: 'hint' }, speech.t('time_none'));
    const slider = h('input', { type: 'range', min: 0, max: times.length - 1, step: 1, value: store.state.time, class: 'wide', oninput: () => setTime(page, Number(slider.value)) });
    const words = h('output', {});
    const play = button('', () => {
      if (playing !== null) stopPlaying();
      else playing = window.setInterval(() => setTime(page, store.state.time + 1), 900);
      show();
    }, { class: 'main' });
    const show = (): void => {
      const moment = timeOf(page, store.state.time)!;
      const said = `${speech.clock(moment)}, ${speech.day(moment)}`;
      slider.value = String(store.state.time);
      slider.setAttribute('aria-valuetext', said);
      words.textContent = said;
      play.textContent = speech.t(playing !== null ? 'time_pause' : 'time_play');
    };
    store.on(show, 'time');
    show();
    return h('div', {}, field(speech.t('time_slider'), slider), h('p', { class: 'now' }, words),
      h('div', { class: 'row' }, play,
        button('◀', () => setTime(page, store.state.time - 1), { 'aria-label': speech.t('time_back') }),
        button('▶', () => setTime(page, store.state.time + 1), { 'aria-label': speech.t('time_on') })));
  },
};
