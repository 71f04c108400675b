/** Where the files of a page come from: a folder beside it, or the page itself (one-file hand-out). */

import type { Features, Indicator, Language, LayerInfo, Manifest, Trees } from './types';

async function gunzip(data: ArrayBuffer): Promise<ArrayBuffer> {
  return new Response(new Blob([data]).stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer();
}

function fromBase64(text: string): ArrayBuffer {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes.buffer;
}

export class Source {
  private inlined: Record<string, string> | null = null;
  readonly fromFile: boolean;

  constructor() {
    const holder = document.getElementById('twin-data');
    this.fromFile = holder !== null;
    if (holder) this.inlined = JSON.parse(holder.textContent ?? '{}') as Record<string, string>;
  }

  /** Return a file of `data/`; those that end in .gz are unpacked. */
  async bytes(name: string): Promise<ArrayBuffer> {
    if (this.inlined) {
      const found = this.inlined[name];
      if (found === undefined) throw new Error(`${name} is not in this page`);
      return gunzip(fromBase64(found));
    }
    const answer = await fetch(`data/${name}`);
    if (!answer.ok) throw new Error(`data/${name}: ${answer.status}`);
    const data = await answer.arrayBuffer();
    const zipped = new Uint8Array(data, 0, Math.min(2, data.byteLength));
    return name.endsWith('.gz') && zipped[0] === 0x1f && zipped[1] === 0x8b ? gunzip(data) : data;
  }

  async json<T>(name: string): Promise<T> {
    return JSON.parse(new TextDecoder().decode(await this.bytes(name))) as T;
  }
}

export interface Everything {
  manifest: Manifest;
  words: Record<Language, Record<string, string>>;
  features: Features;
  trees: Trees;
  indicators: Indicator[];
  heights: Uint16Array;
}

export async function readEverything(source: Source): Promise<Everything> {
  const [manifest, words] = await Promise.all([
    source.json<Manifest>('manifest.json'),
    source.json<Record<Language, Record<string, string>>>('texts.json'),
  ]);
  const [features, trees, indicators, heights] = await Promise.all([
    source.json<Features>(manifest.features),
    source.json<Trees>(manifest.trees),
    source.json<Indicator[]>(manifest.indicators),
    source.bytes(manifest.terrain.file).then((data) => new Uint16Array(data)),
  ]);
  return { manifest, words, features, trees, indicators, heights };
}

/** Bytes of a layer for one variant, all times, differences to the baseline added up. */
export class LayerBytes {
  private kept = new Map<string, Promise<Uint8Array>>();
  constructor(private source: Source, private layers: LayerInfo[]) {}

  info(key: string | null): LayerInfo | undefined {
    return this.layers.find((layer) => layer.key === key);
  }

  /** Put bytes that were made elsewhere (the answer to a what-if) in place of a variant's. */
  put(key: string, variant: string, data: Uint8Array): void {
    this.kept.set(`${key} ${variant}`, Promise.resolve(data));
  }

  read(layer: LayerInfo, variant: string): Promise<Uint8Array> | null {
    const key = `${layer.key} ${variant}`;
    const found = this.kept.get(key);
    if (found) return found;
    const file = layer.files[variant];
    if (!file) return null;
    const made = this.source.bytes(file).then(async (data) => {
      const bytes = new Uint8Array(data);
      if (!layer.deltas.includes(variant)) return bytes;
      const first = await this.read(layer, 'baseline')!;
      for (let i = 0; i < bytes.length; i++) bytes[i] = (bytes[i]! + first[i]!) & 255;
      return bytes;
    });
    this.kept.set(key, made);
    return made;
  }
}

export function valueOf(layer: LayerInfo, byte: number | undefined): number | null {
  return byte === undefined || byte === layer.nodata ? null : layer.scale.offset + layer.scale.factor * byte;
}
