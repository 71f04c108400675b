/** Trees as copies of a trunk and three crowns, sails as flat cloths; each group stands in some variants only. */

import * as THREE from 'three';
import type { Trees } from './types';

const GREENS = [0x4a7a3e, 0x588846, 0x42703c, 0x628e4e];
const TRUNK = 0x68523e;

function crown(shape: string): THREE.BufferGeometry {
  if (shape === 'cone') return new THREE.ConeGeometry(1, 1, 9).rotateX(Math.PI / 2).translate(0, 0, 0.5);
  if (shape === 'cylinder') return new THREE.CylinderGeometry(1, 1, 1, 9).rotateX(Math.PI / 2).translate(0, 0, 0.5);
  return new THREE.SphereGeometry(0.5, 9, 7).scale(2, 1, 2).rotateX(Math.PI / 2).translate(0, 0, 0.5);
}

export class Wood {
  readonly group = new THREE.Group();
  private meshes: { mesh: THREE.Object3D; bits: number; rows: number[] }[] = [];

  constructor(private trees: Trees) {
    const groups = new Map<string, number[]>();
    for (let k = 0; k < trees.x.length; k++) {
      const key = `${trees.in[k]} ${trees.shape[k]}`;
      groups.set(key, [...(groups.get(key) ?? []), k]);
    }
    const trunk = new THREE.CylinderGeometry(0.8, 1, 1, 5, 1, true).rotateX(Math.PI / 2).translate(0, 0, 0.5);
    for (const [key, rows] of groups) {
      const [bits, shape] = key.split(' ').map(Number) as [number, number];
      this.add(trunk, rows, bits, false);
      this.add(crown(trees.shapes[shape]!), rows, bits, true);
    }
    for (const sail of trees.sails ?? []) this.sail(sail.outline, sail.height, sail.in);
  }

  private add(form: THREE.BufferGeometry, rows: number[], bits: number, leaves: boolean): void {
    const mesh = new THREE.InstancedMesh(form, new THREE.MeshLambertMaterial({ color: leaves ? 0xffffff : TRUNK }), rows.length);
    const matrix = new THREE.Matrix4();
    const colour = new THREE.Color();
    const { x, y, z, height, radius, base } = this.trees;
    rows.forEach((row, k) => {
      const [tall, low] = [height[row]!, base[row]!];
      if (leaves) matrix.makeScale(radius[row]!, radius[row]!, tall - low).setPosition(x[row]!, y[row]!, z[row]! + low);
      else matrix.makeScale(0.12 + 0.012 * tall, 0.12 + 0.012 * tall, low + 0.2 * (tall - low)).setPosition(x[row]!, y[row]!, z[row]!);
      mesh.setMatrixAt(k, matrix);
      if (leaves) mesh.setColorAt(k, colour.setHex(GREENS[(row * 7 + Math.floor(row / 5)) % GREENS.length]!));
    });
    mesh.castShadow = true;
    mesh.receiveShadow = true;
    this.group.add(mesh);
    this.meshes.push({ mesh, bits, rows });
  }

  private sail(outline: number[], height: number, bits: number): void {
    const points: THREE.Vector2[] = [];
    for (let k = 0; k < outline.length; k += 2) points.push(new THREE.Vector2(outline[k], outline[k + 1]));
    const mesh = new THREE.Mesh(new THREE.ShapeGeometry(new THREE.Shape(points)), new THREE.MeshLambertMaterial({ color: 0xe9e2c8, side: THREE.DoubleSide }));
    mesh.position.z = height;
    mesh.castShadow = true;
    this.group.add(mesh);
    this.meshes.push({ mesh, bits, rows: [] });
  }

  /** Lift sails to the ground they hang over. */
  settle(heightAt: (x: number, y: number) => number): void {
    for (const { mesh } of this.meshes) {
      if (!(mesh instanceof THREE.Mesh) || mesh instanceof THREE.InstancedMesh) continue;
      mesh.geometry.computeBoundingBox();
      const middle = mesh.geometry.boundingBox!.getCenter(new THREE.Vector3());
      mesh.position.z += heightAt(middle.x, middle.y);
    }
  }

  /** Show the trees of one variant (its number); -1 shows none. */
  show(variant: number): void {
    for (const { mesh, bits } of this.meshes) mesh.visible = variant >= 0 && (bits & (1 << variant)) !== 0;
  }

  /** Whether two variants have other trees. */
  differ(a: number, b: number): boolean {
    return this.meshes.some(({ bits }) => ((bits >> a) & 1) !== ((bits >> b) & 1));
  }

  rowOf(mesh: THREE.Object3D, instance: number | undefined): number {
    return this.meshes.find((entry) => entry.mesh === mesh)?.rows[instance ?? -1] ?? -1;
  }

  /** Rows of the trees of a variant. */
  rows(variant: number): number[] {
    const found: number[] = [];
    this.trees.in.forEach((bits, row) => { if (bits & (1 << variant)) found.push(row); });
    return found;
  }
}
