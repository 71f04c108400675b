/** Points, lines and labels on the ground, in the 3D scene. */

import * as THREE from 'three';
import type { View } from './view';

export class Marks {
  readonly group = new THREE.Group();
  constructor(private view: View) { view.marks.add(this.group); }

  clear(): void {
    for (const child of [...this.group.children]) {
      this.group.remove(child);
      if (child instanceof THREE.Mesh || child instanceof THREE.Line) child.geometry.dispose();
    }
    this.view.invalidate();
  }

  private lift(x: number, y: number, above = 0): THREE.Vector3 { return new THREE.Vector3(x, y, this.view.ground.at(x, y) + above); }

  pin(x: number, y: number, colour: number, size = 1): void {
    const tall = Math.max(this.view.eye.distance / 45, 2.5) * size;
    const head = new THREE.Mesh(new THREE.SphereGeometry(tall * 0.32, 14, 10), new THREE.MeshBasicMaterial({ color: colour }));
    const stem = new THREE.Mesh(new THREE.CylinderGeometry(tall * 0.06, tall * 0.06, tall, 6).rotateX(Math.PI / 2), new THREE.MeshBasicMaterial({ color: 0x222222 }));
    head.position.copy(this.lift(x, y, tall));
    stem.position.copy(this.lift(x, y, tall / 2));
    this.group.add(stem, head);
    this.view.invalidate();
  }

  tree(x: number, y: number, height: number, radius: number): void {
    const crown = new THREE.Mesh(new THREE.SphereGeometry(1, 12, 9).scale(radius, radius, height * 0.36), new THREE.MeshLambertMaterial({ color: 0x2f7d32 }));
    const trunk = new THREE.Mesh(new THREE.CylinderGeometry(0.2, 0.25, height * 0.5, 6).rotateX(Math.PI / 2), new THREE.MeshLambertMaterial({ color: 0x68523e }));
    crown.position.copy(this.lift(x, y, height * 0.64));
    trunk.position.copy(this.lift(x, y, height * 0.25));
    for (const part of [crown, trunk]) part.castShadow = true;
    this.group.add(crown, trunk);
    this.view.invalidate();
  }

  path(points: [number, number][], colour: number, closed = false): void {
    const dense: THREE.Vector3[] = [];
    const ring = closed && points.length > 2 ? [...points, points[0]!] : points;
    for (let k = 1; k < ring.length; k++) {
      const [a, b] = [ring[k - 1]!, ring[k]!];
      const steps = Math.max(1, Math.ceil(Math.hypot(b[0] - a[0], b[1] - a[1]) / 3));
      for (let s = 0; s <= steps; s++) {
        const t = s / steps;
        dense.push(this.lift(a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, 0.6));
      }
    }
    if (dense.length > 1) this.group.add(new THREE.Line(new THREE.BufferGeometry().setFromPoints(dense), new THREE.LineBasicMaterial({ color: colour, depthTest: false })));
    this.view.invalidate();
  }

  patch(ring: [number, number][], colour: number): void {
    const shape = new THREE.Shape(ring.map(([x, y]) => new THREE.Vector2(x, y)));
    const mesh = new THREE.Mesh(new THREE.ShapeGeometry(shape), new THREE.MeshBasicMaterial({ color: colour, transparent: true, opacity: 0.65, side: THREE.DoubleSide, depthWrite: false }));
    const [x, y] = ring[0]!;
    mesh.position.z = Math.max(...ring.map(([px, py]) => this.view.ground.at(px, py)), this.view.ground.at(x, y)) + 0.4;
    this.group.add(mesh);
    this.view.invalidate();
  }
}
