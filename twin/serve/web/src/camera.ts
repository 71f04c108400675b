/** The camera: mouse and touch by OrbitControls, and everything by keyboard too. */

import * as THREE from 'three';
import { OrbitControls } from 'three/addons/controls/OrbitControls.js';
import type { Ground } from './ground';
import type { Manifest } from './types';

export class Eye {
  readonly camera: THREE.PerspectiveCamera;
  readonly controls: OrbitControls;
  private readonly size: number;
  private away = false; // moved by someone since the whole area was shown

  constructor(manifest: Manifest, private ground: Ground, private canvas: HTMLCanvasElement, private changed: () => void) {
    const [west, south, east, north] = manifest.extent;
    this.size = Math.hypot(east - west, north - south);
    this.camera = new THREE.PerspectiveCamera(40, 1, 1, this.size * 6);
    this.camera.up.set(0, 0, 1);
    this.controls = new OrbitControls(this.camera, canvas);
    this.controls.enableDamping = false;
    this.controls.screenSpacePanning = false;
    this.controls.maxPolarAngle = Math.PI * 0.485;
    this.controls.minDistance = 15;
    this.controls.maxDistance = this.size * 2.5;
    this.controls.zoomToCursor = true;
    this.controls.mouseButtons = { LEFT: THREE.MOUSE.PAN, MIDDLE: THREE.MOUSE.DOLLY, RIGHT: THREE.MOUSE.ROTATE };
    this.controls.touches = { ONE: THREE.TOUCH.PAN, TWO: THREE.TOUCH.DOLLY_ROTATE };
    this.controls.addEventListener('start', () => { this.away = true; });
    this.controls.addEventListener('change', () => this.moved());
    this.home();
  }

  /** Look at the whole area from the south-west. */
  home(): void {
    const wide = this.camera.aspect < 1 ? 1 / this.camera.aspect : 1;
    this.look(0, 0, this.size * 1.16 * Math.min(wide, 1.9), 202, 40);
    this.away = false;
  }

  /** Stand `distance` metres from a place, seen from a compass direction [deg], looking down at an angle [deg]. */
  look(x: number, y: number, distance: number, azimuth = this.azimuth, down = this.tilt): void {
    const z = this.ground.contains(x, y) ? this.ground.at(x, y) : this.ground.low;
    const [a, t] = [azimuth * Math.PI / 180, down * Math.PI / 180];
    this.away = true;
    this.controls.target.set(x, y, z);
    this.camera.position.set(x + distance * Math.sin(a) * Math.cos(t), y + distance * Math.cos(a) * Math.cos(t), z + distance * Math.sin(t));
    this.controls.update();
    this.moved();
  }

  get distance(): number { return this.camera.position.distanceTo(this.controls.target); }
  get azimuth(): number {
    const d = this.camera.position.clone().sub(this.controls.target);
    return (Math.atan2(d.x, d.y) * 180 / Math.PI + 360) % 360;
  }
  get tilt(): number {
    const d = this.camera.position.clone().sub(this.controls.target);
    return Math.atan2(d.z, Math.hypot(d.x, d.y)) * 180 / Math.PI;
  }

  private moved(): void {
    this.camera.near = Math.max(this.distance / 200, 0.5);
    this.camera.far = this.distance * 3 + this.size * 3;
    this.camera.updateProjectionMatrix();
    this.changed();
  }

  resize(width: number, height: number): void {
    this.camera.aspect = width / Math.max(height, 1);
    if (!this.away) this.home();
    this.moved();
  }

  /** Do what a key asks for; whether it was one of the camera's. */
  key(event: KeyboardEvent): boolean {
    if (event.ctrlKey || event.altKey || event.metaKey) return false;
    const { x, y } = this.controls.target;
    const a = this.azimuth * Math.PI / 180;
    const step = this.distance * 0.12;
    const go = (right: number, ahead: number): void => {
      this.look(x + step * (-Math.cos(a) * right - Math.sin(a) * ahead), y + step * (Math.sin(a) * right - Math.cos(a) * ahead), this.distance);
    };
    const clampTilt = (t: number): number => Math.min(Math.max(t, 4), 89);
    const turn = event.shiftKey;
    switch (event.key) {
      case 'ArrowLeft': turn ? this.look(x, y, this.distance, this.azimuth + 10) : go(-1, 0); return true;
      case 'ArrowRight': turn ? this.look(x, y, this.distance, this.azimuth - 10) : go(1, 0); return true;
      case 'ArrowUp': turn ? this.look(x, y, this.distance, this.azimuth, clampTilt(this.tilt + 5)) : go(0, 1); return true;
      case 'ArrowDown': turn ? this.look(x, y, this.distance, this.azimuth, clampTilt(this.tilt - 5)) : go(0, -1); return true;
      case 'PageUp': this.look(x, y, this.distance, this.azimuth, clampTilt(this.tilt + 5)); return true;
      case 'PageDown': this.look(x, y, this.distance, this.azimuth, clampTilt(this.tilt - 5)); return true;
      case '+': case '=': this.look(x, y, Math.max(this.distance / 1.25, this.controls.minDistance)); return true;
      case '-': case '_': this.look(x, y, Math.min(this.distance * 1.25, this.controls.maxDistance)); return true;
      case 'Home': this.home(); return true;
      default: return false;
    }
  }

  /** Ray through a point of the canvas [CSS px], by default its middle. */
  ray(x = this.canvas.clientWidth / 2, y = this.canvas.clientHeight / 2, left = 0, width = this.canvas.clientWidth): THREE.Raycaster {
    const caster = new THREE.Raycaster();
    const place = new THREE.Vector2(((x - left) / width) * 2 - 1, 1 - (y / this.canvas.clientHeight) * 2);
    caster.setFromCamera(place, this.camera);
    return caster;
  }
}
