/** What the parts of the page share. */

import type { Everything, LayerBytes, Source } from './data';
import type { Server } from './server';
import type { Store } from './store';
import type { View } from './view';
import type { Speech } from './words';

export interface Page {
  store: Store;
  speech: Speech;
  view: View;
  bytes: LayerBytes;
  source: Source;
  everything: Everything;
  server: Server | null;
  kiosk: boolean;
  /** Say something to screen readers and in the status line. */
  announce(text: string): void;
  /** What a click or Enter on the map does while a tool is at work. */
  tool: ((x: number, y: number) => void) | null;
  /** Build the panels again, for another language or new data. */
  rebuild(): void;
}

/** A part of the panel: its heading and what lies below it. */
export interface Part {
  key: string;
  open?: boolean;
  body(page: Page): HTMLElement;
}
