/** The page: reads its files, builds the view and the panels, and listens to mouse, touch and keyboard. */

import './app.css';
import { commentsPart } from './comments';
import { LayerBytes, Source, readEverything, type Everything } from './data';
import { button, freshId, h } from './dom';
import { infoPart, nameOf } from './info';
import { startKiosk } from './kiosk';
import { layersPart } from './layers';
import { livePart } from './live';
import { measurePart } from './measure';
import { numbersPart } from './numbers';
import type { Page, Part } from './page';
import { searchPart } from './search';
import { Server } from './server';
import { fromAddress, sharePart } from './share';
import { Store, type State } from './store';
import { horizontal, sunPosition } from './sun';
import { sunPart } from './sun_part';
import { comparePart, divider } from './swipe';
import { tablePart } from './table';
import { stopPlaying, timePart } from './time';
import type { Language } from './types';
import { View } from './view';
import { whatIfPart } from './whatif';
import { Speech } from './words';

function firstLanguage(known: Language[]): Language {
  const asked = new URLSearchParams(location.search).get('lang') as Language | null;
  if (asked && known.includes(asked)) return asked;
  return navigator.language.toLowerCase().startsWith('de') || !known.includes('en') ? 'de' : 'en';
}

function firstState(everything: Everything): State {
  const { manifest } = everything;
  const { key } = manifest.variants[0]!;
  const time = Math.min(manifest.default_time, Math.max(manifest.times.length - 1, 0));
  const stamp = manifest.times[time];
  return {
    language: firstLanguage(manifest.languages), layer: manifest.layers[0]?.key ?? null, time, variant: key,
    other: manifest.variants[1]?.key ?? key, compare: 'off', split: 0.5, hatch: false, shadows: true,
    sunFollows: manifest.times.length > 0, sun: new Date(stamp ?? '2025-06-21T12:00Z'), trees: true, picked: null, mode: 'look',
  };
}

class App {
  private readonly frame = h('div', { class: 'frame' });
  private readonly panel = h('div', { class: 'panel', id: 'panel', tabindex: -1 });
  private readonly head = h('header', {});
  private readonly status = h('p', { class: 'status', role: 'status', 'aria-live': 'polite' });
  private readonly main = h('main', {});
  private open = new Map<string, boolean>();
  private mark = 0;
  readonly page: Page;
  private readonly start: State;

  constructor(everything: Everything, source: Source, server: Server | null) {
    const { manifest } = everything;
    this.start = firstState(everything);
    const store = new Store({ ...this.start });
    const speech = new Speech(everything.words, manifest.timezone);
    speech.language = store.state.language;
    document.body.append(this.head, this.main);
    this.main.append(this.frame, this.panel);
    const bytes = new LayerBytes(source, manifest.layers);
    const view = new View(everything, source, bytes, store, this.frame);
    const kiosk = new URLSearchParams(location.search).has('kiosk');
    this.page = { store, speech, view, bytes, source, everything, server, kiosk, tool: null, announce: (text) => this.announce(text), rebuild: () => this.build() };
    store.on(({ language }) => { speech.language = language; this.build(); }, 'language');
    store.on(({ mode }) => this.frame.classList.toggle('placing', mode !== 'look'), 'mode');
    this.mark = store.mark;
    this.listen();
    const patch = fromAddress(this.page, location.hash);
    if (patch.language) speech.language = patch.language;
    store.set(patch);
    this.build();
    if (kiosk) startKiosk(this.page, server?.event.kiosk?.idle_seconds ?? 120, () => this.reset());
  }

  private announce(text: string): void { this.status.textContent = text; }

  private reset(): void {
    stopPlaying();
    this.page.tool = null;
    this.page.store.set({ ...this.start });
    this.page.view.eye.home();
    this.build();
  }

  private parts(): Part[] {
    const { page } = this;
    const made = [layersPart, timePart, comparePart(page), whatIfPart(page), commentsPart(page), infoPart, sunPart, livePart(page), searchPart, tablePart, numbersPart, measurePart, sharePart];
    return made.filter((part): part is Part => part !== null);
  }

  /** Build header, overlays and panels in the language of the page. */
  private build(): void {
    const { page } = this;
    const { speech, store, everything: { manifest } } = page;
    for (const details of this.panel.querySelectorAll('details')) this.open.set(details.dataset.part!, details.open);
    const focused = document.activeElement?.id === 'language';
    store.cut(this.mark);
    page.view.marks.clear();
    page.tool = null;
    store.set({ mode: 'look' });
    document.documentElement.lang = speech.html;
    document.title = `${manifest.title} – ${manifest.subtitle || 'urban-twin'}`;
    this.buildHead();
    this.frame.replaceChildren(page.view.canvas, divider(page), h('span', { class: 'cross', 'aria-hidden': 'true' }), this.buttons());
    const { canvas } = page.view;
    const help = h('p', { id: 'keys', class: 'away' }, speech.t('keys'));
    for (const [name, value] of Object.entries({ tabindex: '0', role: 'application', 'aria-label': speech.t('view_label', { title: manifest.title }), 'aria-describedby': 'keys' })) canvas.setAttribute(name, value);
    this.frame.append(help);
    const sections = this.parts().map((part) => {
      const heading = freshId('h');
      const details = h('details', { open: this.open.get(part.key) ?? part.open ?? false }, h('summary', {}, h('h2', { id: heading }, speech.t(`part_${part.key}`))), part.body(page));
      details.dataset.part = part.key;
      return h('section', { 'aria-labelledby': heading }, details);
    });
    const sources = manifest.sources.length ? h('p', { class: 'hint' }, speech.t('sources', { list: manifest.sources.join('; ') })) : null;
    this.panel.replaceChildren(this.status, ...sections, h('footer', {}, sources, h('p', { class: 'hint' }, speech.t('model_note')), this.pages()));
    if (focused) document.getElementById('language')?.focus();
    page.view.invalidate();
  }

  private pages(): HTMLElement | null {
    const { speech, server } = this.page;
    if (!server) return null;
    const links = ['list', 'results', 'about', 'privacy', 'accessibility'].map((name) => h('li', {}, h('a', { href: `${name}?lang=${speech.language}` }, speech.t(`page_${name}`))));
    return h('nav', { 'aria-label': speech.t('pages') }, h('ul', { class: 'links' }, ...links));
  }

  private buildHead(): void {
    const { speech, store, everything: { manifest } } = this.page;
    const languages = h('select', { id: 'language', onchange: () => store.set({ language: languages.value as Language }) },
      ...manifest.languages.map((l) => h('option', { value: l, selected: l === store.state.language, lang: l === 'en' ? 'en' : 'de' }, speech.t(`language_${l}`))));
    this.head.replaceChildren(h('a', { href: '#panel', class: 'skip', onclick: (event) => { event.preventDefault(); this.panel.querySelector<HTMLElement>('summary')?.focus(); } }, speech.t('skip')),
      h('div', { class: 'title' }, h('h1', {}, manifest.title), manifest.subtitle ? h('p', {}, manifest.subtitle) : null),
      h('div', { class: 'language' }, h('label', { for: 'language' }, speech.t('language')), languages));
  }

  private buttons(): HTMLElement {
    const { speech, view: { eye } } = this.page;
    const press = (key: string, shiftKey = false): void => { eye.key(new KeyboardEvent('keydown', { key, shiftKey })); };
    const one = (sign: string, name: string, act: () => void): HTMLElement => button(sign, act, { 'aria-label': speech.t(name), title: speech.t(name) });
    return h('div', { class: 'tools', role: 'group', 'aria-label': speech.t('camera') },
      one('+', 'zoom_in', () => press('+')), one('−', 'zoom_out', () => press('-')),
      one('↺', 'turn_left', () => press('ArrowLeft', true)), one('↻', 'turn_right', () => press('ArrowRight', true)),
      one('⌂', 'whole_area', () => eye.home()));
  }

  private act(x?: number, y?: number): void {
    const { page } = this;
    const picked = page.view.pick(x, y);
    if (!picked) return;
    if (page.tool) {
      if (picked.kind === 'building') page.store.set({ picked });
      page.tool(picked.x, picked.y);
      return;
    }
    page.store.set({ picked: picked.kind === 'ground' ? (this.street(picked.x, picked.y) ?? picked) : picked });
  }

  /** The street within six metres of a place. */
  private street(x: number, y: number): State['picked'] {
    const { streets } = this.page.everything.features;
    let [best, row] = [6, -1];
    streets.lines.forEach((line, number) => {
      for (let k = 0; k + 3 < line.length; k += 2) {
        const [ax, ay, bx, by] = [line[k]!, line[k + 1]!, line[k + 2]!, line[k + 3]!];
        const [dx, dy] = [bx - ax, by - ay];
        const t = Math.min(Math.max(((x - ax) * dx + (y - ay) * dy) / Math.max(dx * dx + dy * dy, 1e-9), 0), 1);
        const distance = Math.hypot(x - ax - t * dx, y - ay - t * dy);
        if (distance < best) [best, row] = [distance, number];
      }
    });
    return row < 0 ? null : { kind: 'street', row, x, y };
  }

  private listen(): void {
    const { page } = this;
    const { canvas, eye } = page.view;
    let down: { x: number; y: number; id: number } | null = null;
    canvas.addEventListener('pointerdown', (event) => { down = { x: event.clientX, y: event.clientY, id: event.pointerId }; });
    canvas.addEventListener('pointerup', (event) => {
      if (!down || down.id !== event.pointerId || Math.hypot(event.clientX - down.x, event.clientY - down.y) > 8 || event.button !== 0) return;
      const box = canvas.getBoundingClientRect();
      this.act(event.clientX - box.left, event.clientY - box.top);
    });
    canvas.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') {
        page.tool = null;
        page.store.set({ picked: null, mode: 'look' });
      } else if (event.key === 'Enter' || event.key === ' ') this.act();
      else if (!eye.key(event)) return;
      event.preventDefault();
    });
  }
}

async function begin(): Promise<void> {
  const source = new Source();
  try {
    const everything = await readEverything(source);
    const server = await Server.find(everything.manifest.event !== null);
    const app = new App(everything, source, server);
    const { page } = app;
    Object.assign(window, {
      twin: {
        get settled() { return page.view.settled; },
        get state() { return page.store.state; },
        set: (patch: Partial<State>) => page.store.set(patch),
        look: (...to: Parameters<typeof page.view.eye.look>) => page.view.eye.look(...to),
        pick: (x?: number, y?: number) => page.view.pick(x, y),
        name: (picked: NonNullable<State['picked']>) => nameOf(page, picked),
        valueAt: (x: number, y: number, second?: boolean) => page.view.valueAt(x, y, second)?.byte ?? null,
        sun: (iso: string, latitude: number, longitude: number) => sunPosition(new Date(iso), latitude, longitude),
        horizontal,
        eye: () => { const { eye } = page.view; return [eye.controls.target.x, eye.controls.target.y, eye.distance, eye.azimuth, eye.tilt]; },
        layer: (key: string) => page.bytes.info(key),
        places: () => page.everything.features.places.name,
        stats: page.view.stats,
        tiles: page.view.buildings?.tiles,
      },
    });
    await page.view.settled;
    performance.mark('twin-complete');
  } catch (error) {
    document.body.append(h('p', { class: 'error', role: 'alert' }, `Die Ansicht lässt sich nicht zeigen. The view cannot be shown. (${error instanceof Error ? error.message : String(error)})`));
    throw error;
  }
}

void begin();
