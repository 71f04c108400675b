/** The state of the page: what is shown, and who wants to know when it changes. */

import type { Language, Picked } from './types';

export type Compare = 'off' | 'swipe' | 'side';

export interface State {
  language: Language;
  layer: string | null;
  time: number;
  variant: string;
  other: string;
  compare: Compare;
  split: number;
  hatch: boolean;
  shadows: boolean;
  sunFollows: boolean;
  sun: Date;
  trees: boolean;
  picked: Picked | null;
  mode: 'look' | 'measure' | 'place' | 'comment';
}

type Listener = (state: State, changed: Set<keyof State>) => void;

export class Store {
  private listeners: Listener[] = [];
  constructor(public state: State) {}

  /** Change the state and tell everyone who listens; nothing happens where nothing changes. */
  set(patch: Partial<State>): void {
    const changed = new Set<keyof State>();
    for (const key of Object.keys(patch) as (keyof State)[]) {
      if (!Object.is(this.state[key], patch[key])) changed.add(key);
    }
    if (!changed.size) return;
    this.state = { ...this.state, ...patch };
    for (const listener of this.listeners) listener(this.state, changed);
  }

  /** How many listen now; `cut` sends away everyone who came later (panels that are built again). */
  get mark(): number { return this.listeners.length; }
  cut(mark: number): void { this.listeners.length = mark; }

  on(listener: Listener, ...keys: (keyof State)[]): void {
    this.listeners.push(keys.length ? (state, changed) => { if (keys.some((k) => changed.has(k))) listener(state, changed); } : listener);
  }
}
