/** Buildings from 3D Tiles; each point learns the row of its building from the property table of its tile. */

import * as THREE from 'three';
import { TilesRenderer } from '3d-tiles-renderer';
import { GLTFExtensionsPlugin } from '3d-tiles-renderer/plugins';
import type { Source } from './data';

interface WithMetadata {
  structuralMetadata?: { getPropertyTableData(tables: number[], ids: number[]): Record<string, unknown>[] };
}

export class Buildings {
  readonly tiles: TilesRenderer;
  private failed = 0;

  constructor(path: string, source: Source, material: THREE.Material, private changed: () => void) {
    this.tiles = new TilesRenderer(`data/${path}`);
    this.tiles.errorTarget = 12;
    this.tiles.registerPlugin(new GLTFExtensionsPlugin({ metadata: true, rtc: false }));
    this.tiles.registerPlugin({
      fetchData: async (url: string | URL) => {
        const name = decodeURIComponent(String(url)).replace(/^.*?data\//, '').replace(/\?.*$/, '');
        return new Response(await source.bytes(name));
      },
    } as never);
    this.tiles.addEventListener('load-model', ({ scene }) => {
      scene.traverse((object) => {
        if (object instanceof THREE.Mesh) this.prepare(object, material);
      });
      changed();
    });
    for (const type of ['needs-update', 'tiles-load-end', 'load-root-tileset'] as const) {
      this.tiles.addEventListener(type, () => this.changed());
    }
    this.tiles.addEventListener('load-error', () => { this.failed++; this.changed(); });
  }

  private prepare(mesh: THREE.Mesh, material: THREE.Material): void {
    const ids = mesh.geometry.getAttribute('_feature_id_0');
    const holder = mesh.userData as WithMetadata;
    const row = new Float32Array(ids ? ids.count : 0);
    if (ids && holder.structuralMetadata) {
      const known = new Map<number, number>();
      for (let k = 0; k < ids.count; k++) {
        const id = ids.getX(k);
        let found = known.get(id);
        if (found === undefined) {
          found = Number((holder.structuralMetadata.getPropertyTableData([0], [id])[0] ?? {}).row ?? -1);
          known.set(id, found);
        }
        row[k] = found;
      }
      mesh.geometry.setAttribute('row', new THREE.BufferAttribute(row, 1));
    }
    mesh.material = material;
    mesh.castShadow = mesh.receiveShadow = true;
  }

  /** Whether everything that the camera asks for has arrived. */
  get settled(): boolean {
    const { stats } = this.tiles as unknown as { stats: { downloading: number; parsing: number; queued?: number } };
    return this.tiles.root !== null && !stats.downloading && !stats.parsing && !(stats.queued ?? 0);
  }

  get visible(): number { return this.tiles.visibleTiles.size; }
  get errors(): number { return this.failed; }
}
