/** The 3D view: what is drawn, when, and from what. Frames are drawn when something has changed, never idly. */

import * as THREE from 'three';
import { Buildings } from './buildings';
import { Eye } from './camera';
import { LayerBytes, type Everything, type Source } from './data';
import { Drape, buildingMaterial, groundMaterial, type Shown } from './drape';
import { Ground } from './ground';
import type { State, Store } from './store';
import { sunPosition } from './sun';
import { Wood } from './trees';
import type { LayerInfo, Picked } from './types';

export interface Stats { frames: number; calls: number; triangles: number; tiles: number; firstComplete: number | null }

export class View {
  readonly canvas = document.createElement('canvas');
  readonly renderer: THREE.WebGLRenderer;
  readonly scene = new THREE.Scene();
  readonly ground: Ground;
  readonly eye: Eye;
  readonly wood: Wood;
  readonly marks = new THREE.Group();
  readonly buildings: Buildings | null;
  readonly stats: Stats = { frames: 0, calls: 0, triangles: 0, tiles: 0, firstComplete: null };
  private drape = new Drape();
  private sun = new THREE.DirectionalLight(0xfff4e0, 2.4);
  private sky = new THREE.HemisphereLight(0xe8f1ff, 0xb9b4a8, 1.7);
  private pending = 0;
  private asked = false;
  private waiting: (() => void)[] = [];
  private shown: { first: Shown | null; second: Shown | null } = { first: null, second: null };
  private shadowsOld = true;

  constructor(private everything: Everything, source: Source, readonly bytes: LayerBytes, private store: Store, private frame: HTMLElement) {
    const { manifest } = everything;
    this.canvas.className = 'view';
    frame.prepend(this.canvas);
    this.renderer = new THREE.WebGLRenderer({ canvas: this.canvas, antialias: true, powerPreference: 'high-performance', preserveDrawingBuffer: false });
    this.renderer.setClearColor(0xdfe7ee);
    this.renderer.shadowMap.enabled = true;
    this.renderer.shadowMap.type = THREE.PCFShadowMap;
    this.renderer.shadowMap.autoUpdate = false;
    this.renderer.info.autoReset = false;
    this.ground = new Ground(manifest, everything.heights);
    this.eye = new Eye(manifest, this.ground, this.canvas, () => this.invalidate());
    this.wood = new Wood(everything.trees);
    this.wood.settle((x, y) => this.ground.at(x, y));
    const { surface, rim } = this.ground.mesh();
    const floor = new THREE.Mesh(surface, groundMaterial(this.drape));
    floor.receiveShadow = true;
    const side = new THREE.Mesh(rim, new THREE.MeshLambertMaterial({ color: 0x9c9484, side: THREE.DoubleSide }));
    this.scene.add(floor, side, this.wood.group, this.marks, this.sky, this.sun, this.sun.target);
    this.buildings = manifest.tiles ? new Buildings(manifest.tiles, source, buildingMaterial(this.drape), () => { this.shadowsOld = true; this.invalidate(); }) : null;
    if (this.buildings) {
      this.buildings.tiles.setCamera(this.eye.camera);
      this.scene.add(this.buildings.tiles.group);
    }
    this.prepareShadows();
    new ResizeObserver(() => this.resize()).observe(frame);
    this.resize();
    store.on((state) => this.follow(state));
    void this.follow(store.state);
  }

  private prepareShadows(): void {
    const [west, south, east, north] = this.everything.manifest.extent;
    const half = Math.hypot(east - west, north - south) / 2 * 1.02;
    const box = this.sun.shadow.camera;
    [box.left, box.right, box.bottom, box.top, box.near, box.far] = [-half, half, -half, half, 1, half * 4];
    const side = half < 400 ? 2048 : 4096;
    this.sun.shadow.mapSize.set(side, side);
    this.sun.shadow.bias = -0.0006;
    this.sun.shadow.normalBias = (half * 2.4) / side;
  }

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.frame;
    if (!width || !height) return;
    this.renderer.setPixelRatio(Math.min(window.devicePixelRatio, 2));
    this.renderer.setSize(width, height, false);
    this.drape.uniforms.uPixel.value = this.renderer.getPixelRatio();
    this.eye.resize(width, height);
    this.buildings?.tiles.setResolutionFromRenderer(this.eye.camera, this.renderer);
    this.invalidate();
  }

  /** The step of a layer that is shown at a time of the page: its own nearest one. */
  stepOf(layer: LayerInfo, time: number): number {
    if (!layer.times.length) return 0;
    let best = 0;
    layer.times.forEach((t, k) => { if (Math.abs(t - time) < Math.abs(layer.times[best]! - time)) best = k; });
    return best;
  }

  private async follow(state: State): Promise<void> {
    const layer = this.bytes.info(state.layer);
    this.pending++;
    try {
      const read = async (variant: string): Promise<Shown | null> => {
        const found = layer ? await (this.bytes.read(layer, variant) ?? null) : null;
        return found && layer ? { layer, bytes: found, step: this.stepOf(layer, this.store.state.time) } : null;
      };
      const [first, second] = [await read(state.variant), state.compare === 'off' ? null : await read(state.other)];
      if (this.store.state.layer === state.layer) this.shown = { first, second };
    } finally {
      this.pending--;
    }
    this.light(this.store.state);
    this.shadowsOld = true;
    this.invalidate();
  }

  private light(state: State): void {
    const { origin, extent } = this.everything.manifest;
    const place = sunPosition(state.sun, origin.latitude ?? 51, origin.longitude ?? 10);
    const up = place.altitude > 0.5;
    const azimuth = (place.azimuth - origin.convergence_deg) * Math.PI / 180;
    const altitude = Math.max(place.altitude, 0.5) * Math.PI / 180;
    const far = Math.hypot(extent[2] - extent[0], extent[3] - extent[1]);
    this.sun.position.set(Math.sin(azimuth) * Math.cos(altitude), Math.cos(azimuth) * Math.cos(altitude), Math.sin(altitude)).multiplyScalar(far);
    this.sun.target.position.set(0, 0, this.ground.low);
    const strength = Math.min(1, Math.max(0, place.altitude) / 12);
    this.sun.castShadow = state.shadows && up;
    this.sun.intensity = state.shadows ? (up ? 0.4 + 2.2 * strength : 0) : 1.5;
    if (!state.shadows) this.sun.position.set(-0.45 * far, -0.6 * far, far);
    this.sky.intensity = state.shadows && !up ? 1.1 : 1.75;
    this.renderer.setClearColor(state.shadows && !up ? 0x9fb0c4 : 0xdfe7ee);
  }

  /** Ask for a new frame. */
  invalidate(): void {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => this.draw());
  }

  private draw(): void {
    this.asked = false;
    const { state } = this.store;
    this.buildings?.tiles.update();
    this.renderer.info.reset();
    const variants = this.everything.manifest.variants.map((v) => v.key);
    const number = (key: string): number => Math.max(variants.indexOf(key), 0);
    const [a, b] = [number(state.variant), number(state.other)];
    const passes: { shown: Shown | null; variant: number; key: string; left: number; right: number; side: boolean }[] = [];
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (state.compare === 'off') passes.push({ shown: this.shown.first, variant: a, key: state.variant, left: 0, right: width, side: false });
    else {
      const cut = state.compare === 'side' ? width / 2 : Math.round(width * state.split);
      const side = state.compare === 'side';
      passes.push({ shown: this.shown.first, variant: a, key: state.variant, left: 0, right: cut, side });
      passes.push({ shown: this.shown.second, variant: b, key: state.other, left: cut, right: width, side });
    }
    this.drape.uniforms.uPicked.value = state.picked?.kind === 'building' ? state.picked.row : -1;
    const again = passes.length > 1 && this.wood.differ(a, b);
    this.renderer.setScissorTest(passes.length > 1);
    for (const pass of passes) {
      if (pass.right <= pass.left) continue;
      this.drape.show(pass.shown, state.hatch, pass.key);
      if (pass.shown && pass.shown.layer.kind === 'buildings') this.drape.uniforms.uShow.value = 2;
      this.wood.show(state.trees ? pass.variant : -1);
      this.renderer.shadowMap.needsUpdate = this.shadowsOld || again;
      this.shadowsOld = false;
      this.renderer.setScissor(pass.left, 0, pass.right - pass.left, height);
      if (pass.side) {
        this.renderer.setViewport(pass.left, 0, pass.right - pass.left, height);
        this.eye.camera.aspect = (pass.right - pass.left) / height;
      } else {
        this.renderer.setViewport(0, 0, width, height);
        this.eye.camera.aspect = width / height;
      }
      this.eye.camera.updateProjectionMatrix();
      this.renderer.render(this.scene, this.eye.camera);
    }
    if (again) this.shadowsOld = true;
    Object.assign(this.stats, { frames: this.stats.frames + 1, calls: this.renderer.info.render.calls, triangles: this.renderer.info.render.triangles, tiles: this.buildings?.visible ?? 0 });
    if (this.idle) {
      this.stats.firstComplete ??= performance.now();
      for (const done of this.waiting.splice(0)) done();
    } else if (!this.pending) window.setTimeout(() => this.invalidate(), 30);
  }

  private get idle(): boolean {
    return !this.asked && !this.pending && (!this.buildings || (this.buildings.settled && (this.buildings.visible > 0 || this.buildings.errors > 0 || this.stats.frames > 240)));
  }

  /** Resolves when everything asked for has arrived and is on the screen. */
  get settled(): Promise<Stats> {
    return new Promise((resolve) => {
      this.waiting.push(() => resolve(this.stats));
      this.invalidate();
    });
  }

  /** What lies under a point of the canvas [CSS px]; its middle by default. */
  pick(x = this.canvas.clientWidth / 2, y = this.canvas.clientHeight / 2): Picked | null {
    const { state } = this.store;
    const { clientWidth: width } = this.canvas;
    const half = state.compare === 'side';
    const caster = half ? this.eye.ray(x, y, x < width / 2 ? 0 : width / 2, width / 2) : this.eye.ray(x, y);
    const hits: { distance: number; picked: Picked }[] = [];
    if (this.buildings) {
      const hit = caster.intersectObject(this.buildings.tiles.group, true)[0];
      const rows = hit && (hit.object as THREE.Mesh).geometry.getAttribute('row');
      if (hit?.face && rows) hits.push({ distance: hit.distance, picked: { kind: 'building', row: rows.getX(hit.face.a), x: hit.point.x, y: hit.point.y } });
    }
    if (state.trees) {
      for (const hit of caster.intersectObjects(this.wood.group.children.filter((c) => c.visible), false).slice(0, 1)) {
        const row = this.wood.rowOf(hit.object, hit.instanceId);
        if (row >= 0) hits.push({ distance: hit.distance, picked: { kind: 'tree', row, x: this.everything.trees.x[row]!, y: this.everything.trees.y[row]! } });
      }
    }
    const floor = this.ground.hit(caster.ray);
    if (floor) hits.push({ distance: floor.distanceTo(caster.ray.origin), picked: { kind: 'ground', row: -1, x: floor.x, y: floor.y } });
    hits.sort((p, q) => p.distance - q.distance);
    return hits[0]?.picked ?? null;
  }

  /** Value of the shown layer at a place, for the first variant or the second. */
  valueAt(x: number, y: number, second = false): { layer: LayerInfo; byte: number } | null {
    const shown = second ? this.shown.second : this.shown.first;
    if (!shown || shown.layer.kind !== 'raster') return null;
    const { grid } = shown.layer;
    const column = Math.floor((x - grid.x0) / grid.cell);
    const row = Math.floor((grid.y0 - y) / grid.cell);
    if (column < 0 || row < 0 || column >= grid.width || row >= grid.height) return null;
    return { layer: shown.layer, byte: shown.bytes[shown.step * grid.width * grid.height + row * grid.width + column]! };
  }

  /** Picture of the view as PNG, freshly drawn. */
  picture(): Promise<Blob | null> {
    this.draw();
    return new Promise((resolve) => this.canvas.toBlob(resolve, 'image/png'));
  }
}
