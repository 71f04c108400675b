/** The terrain: heights by place, the mesh that layers are draped on, and where a line of sight meets it. */

import * as THREE from 'three';
import type { Manifest } from './types';

export class Ground {
  readonly low: number;
  readonly high: number;

  constructor(private manifest: Manifest, private heights: Uint16Array) {
    const { scale } = manifest.terrain;
    let [low, high] = [Infinity, -Infinity];
    for (const value of heights) { low = Math.min(low, value); high = Math.max(high, value); }
    this.low = scale.offset + scale.factor * low;
    this.high = scale.offset + scale.factor * high;
  }

  private post(column: number, row: number): number {
    const { grid, scale } = this.manifest.terrain;
    const c = Math.min(Math.max(column, 0), grid.width - 1);
    const r = Math.min(Math.max(row, 0), grid.height - 1);
    return scale.offset + scale.factor * this.heights[r * grid.width + c]!;
  }

  /** Height [m above the origin] at a place, between the posts linearly. */
  at(x: number, y: number): number {
    const { grid } = this.manifest.terrain;
    const u = (x - grid.x0) / grid.cell - 0.5;
    const v = (grid.y0 - y) / grid.cell - 0.5;
    const [c, r] = [Math.floor(u), Math.floor(v)];
    const [s, t] = [u - c, v - r];
    return (this.post(c, r) * (1 - s) + this.post(c + 1, r) * s) * (1 - t) + (this.post(c, r + 1) * (1 - s) + this.post(c + 1, r + 1) * s) * t;
  }

  contains(x: number, y: number): boolean {
    const [west, south, east, north] = this.manifest.extent;
    return x >= west && x <= east && y >= south && y <= north;
  }

  /** The mesh, with texture coordinates of its posts in metres, and an earth-coloured rim. */
  mesh(): { surface: THREE.BufferGeometry; rim: THREE.BufferGeometry } {
    const [west, south, east, north] = this.manifest.extent;
    const { grid } = this.manifest.terrain;
    const columns = grid.width + 1;
    const rows = grid.height + 1;
    const position = new Float32Array(columns * rows * 3);
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        const x = Math.min(Math.max(grid.x0 + c * grid.cell, west), east);
        const y = Math.min(Math.max(grid.y0 - r * grid.cell, south), north);
        position.set([x, y, this.at(x, y)], (r * columns + c) * 3);
      }
    }
    const index: number[] = [];
    for (let r = 0; r < rows - 1; r++) {
      for (let c = 0; c < columns - 1; c++) {
        const a = r * columns + c;
        index.push(a, a + columns, a + 1, a + 1, a + columns, a + columns + 1);
      }
    }
    const surface = new THREE.BufferGeometry();
    surface.setAttribute('position', new THREE.BufferAttribute(position, 3));
    surface.setIndex(index);
    surface.computeVertexNormals();
    return { surface, rim: this.rim(position, columns, rows) };
  }

  private rim(position: Float32Array, columns: number, rows: number): THREE.BufferGeometry {
    const edge: number[] = [];
    for (let c = 0; c < columns; c++) edge.push(c);
    for (let r = 1; r < rows; r++) edge.push(r * columns + columns - 1);
    for (let c = columns - 2; c >= 0; c--) edge.push((rows - 1) * columns + c);
    for (let r = rows - 2; r > 0; r--) edge.push(r * columns);
    edge.push(0);
    const depth = this.low - Math.max(4, (this.high - this.low) * 0.15);
    const points: number[] = [];
    const index: number[] = [];
    edge.forEach((at, k) => {
      const [x, y, z] = [position[at * 3]!, position[at * 3 + 1]!, position[at * 3 + 2]!];
      points.push(x, y, z, x, y, depth);
      if (k) index.push(2 * k - 2, 2 * k, 2 * k - 1, 2 * k, 2 * k + 1, 2 * k - 1);
    });
    const rim = new THREE.BufferGeometry();
    rim.setAttribute('position', new THREE.Float32BufferAttribute(points, 3));
    rim.setIndex(index);
    rim.computeVertexNormals();
    return rim;
  }

  /** Where a ray meets the ground, by steps that halve near it; null where it does not. */
  hit(ray: THREE.Ray): THREE.Vector3 | null {
    const top = this.high + 1;
    const { origin, direction } = ray;
    let near = origin.z > top && direction.z < 0 ? (top - origin.z) / direction.z : 0;
    if (origin.z > top && direction.z >= 0) return null;
    const step = this.manifest.terrain.grid.cell;
    const point = new THREE.Vector3();
    for (let k = 0; k < 4000; k++) {
      const far = near + step;
      ray.at(far, point);
      if (point.z < this.low - 50) return null;
      if (this.contains(point.x, point.y) && point.z <= this.at(point.x, point.y)) {
        let [a, b] = [near, far];
        for (let i = 0; i < 20; i++) {
          const middle = (a + b) / 2;
          ray.at(middle, point);
          if (point.z <= this.at(point.x, point.y)) b = middle; else a = middle;
        }
        return ray.at(b, point);
      }
      near = far;
    }
    return null;
  }
}
