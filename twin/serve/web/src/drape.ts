/** Materials that show a layer: on the ground by place, on buildings by their row in the table. */

import * as THREE from 'three';
import { HATCH_GLSL } from './hatch';
import { lookup } from './palette';
import type { LayerInfo } from './types';

export interface Shown { layer: LayerInfo; bytes: Uint8Array; step: number }

const NO_BYTES = new THREE.DataTexture(new Uint8Array([255]), 1, 1, THREE.RedFormat);
NO_BYTES.needsUpdate = true;

/** What the shaders know of one pass: the layer's bytes, its colours and its place. */
export class Drape {
  readonly uniforms = {
    uBytes: { value: NO_BYTES as THREE.Texture },
    uColours: { value: new THREE.DataTexture(new Uint8Array(256 * 4), 256, 1) as THREE.Texture },
    uHatches: { value: NO_BYTES as THREE.Texture },
    uPlace: { value: new THREE.Vector4(0, 0, 1, 1) }, // west, north, width, height [m]
    uShow: { value: 0 },
    uHatch: { value: 0 },
    uPixel: { value: 1 },
    uPicked: { value: -1 },
  };
  private textures = new Map<string, THREE.DataTexture>();

  /** Show bytes of a layer, or nothing. */
  show(shown: Shown | null, hatch: boolean, variant: string): void {
    const u = this.uniforms;
    u.uShow.value = shown ? 1 : 0;
    u.uHatch.value = hatch ? 1 : 0;
    if (!shown) return;
    const { layer, bytes, step } = shown;
    const { width, height, x0, y0, cell } = layer.grid;
    const key = `${layer.key} ${variant} ${step}`;
    let texture = this.textures.get(key);
    const size = width * height;
    if (!texture || texture.userData.bytes !== bytes) {
      texture?.dispose();
      const side = layer.kind === 'raster' ? [width, height] : [Math.min(width, 2048), Math.ceil(width / 2048)];
      const data = new Uint8Array(side[0]! * side[1]!).fill(255);
      data.set(bytes.subarray(step * size, (step + 1) * size));
      texture = new THREE.DataTexture(data, side[0]!, side[1]!, THREE.RedFormat);
      texture.unpackAlignment = 1;
      texture.userData.bytes = bytes;
      texture.needsUpdate = true;
      this.textures.set(key, texture);
      if (this.textures.size > 60) this.forget();
    }
    u.uBytes.value = texture;
    const colours = this.colours(layer);
    u.uColours.value = colours[0];
    u.uHatches.value = colours[1];
    u.uPlace.value.set(x0, y0, width * cell, height * cell);
  }

  private tables = new Map<string, [THREE.Texture, THREE.Texture]>();
  private colours(layer: LayerInfo): [THREE.Texture, THREE.Texture] {
    const found = this.tables.get(layer.key);
    if (found) return found;
    const { colours, hatches } = lookup(layer);
    const first = new THREE.DataTexture(colours, 256, 1);
    first.colorSpace = THREE.SRGBColorSpace;
    const second = new THREE.DataTexture(hatches, 256, 1, THREE.RedFormat);
    for (const texture of [first, second]) texture.needsUpdate = true;
    this.tables.set(layer.key, [first, second]);
    return [first, second];
  }

  private forget(): void {
    const [key, texture] = this.textures.entries().next().value!;
    texture.dispose();
    this.textures.delete(key);
  }
}

const COMMON = /* glsl */ `
uniform sampler2D uBytes, uColours, uHatches;
uniform vec4 uPlace;
uniform float uShow, uHatch, uPixel, uPicked;
${HATCH_GLSL}
vec4 layerColour(float byte) { return byte > 254.5 ? vec4(0.0) : texture2D(uColours, vec2((byte + 0.5) / 256.0, 0.5)); }
float layerInk(float byte) {
  if (uHatch < 0.5 || byte > 254.5) return 0.0;
  float kind = texture2D(uHatches, vec2((byte + 0.5) / 256.0, 0.5)).r * 255.0;
  return hatchAt(kind, gl_FragCoord.xy / uPixel);
}`;

/** A matt material of the ground with the layer of the pass on it; colours of a map are lit a little only. */
export function groundMaterial(drape: Drape): THREE.MeshLambertMaterial {
  const material = new THREE.MeshLambertMaterial({ color: 0xd7d5cc });
  material.onBeforeCompile = (shader) => {
    Object.assign(shader.uniforms, drape.uniforms);
    shader.vertexShader = shader.vertexShader
      .replace('#include <common>', '#include <common>\nvarying vec2 vPlace;')
      .replace('#include <begin_vertex>', '#include <begin_vertex>\nvPlace = position.xy;');
    shader.fragmentShader = shader.fragmentShader
      .replace('#include <common>', `#include <common>\nvarying vec2 vPlace;\n${COMMON}`)
      .replace('#include <color_fragment>', /* glsl */ `#include <color_fragment>
        vec2 uv = vec2((vPlace.x - uPlace.x) / uPlace.z, (uPlace.y - vPlace.y) / uPlace.w);
        float flat_ = 0.0;
        if (uShow > 0.5 && uv.x >= 0.0 && uv.x < 1.0 && uv.y >= 0.0 && uv.y < 1.0) {
          float byte = floor(texture2D(uBytes, uv).r * 255.0 + 0.5);
          vec4 shown = layerColour(byte);
          diffuseColor.rgb = mix(diffuseColor.rgb, shown.rgb, shown.a);
          flat_ = 0.62 * shown.a;
          diffuseColor.rgb = mix(diffuseColor.rgb, vec3(0.02), 0.75 * layerInk(byte));
        }`)
      .replace('#include <opaque_fragment>', 'outgoingLight = mix(outgoingLight, diffuseColor.rgb, flat_);\n#include <opaque_fragment>');
  };
  return material;
}

/** A matt material of buildings: light roofs, darker walls, the layer of the pass by row, the picked one marked. */
export function buildingMaterial(drape: Drape): THREE.MeshLambertMaterial {
  const material = new THREE.MeshLambertMaterial({ color: 0xffffff });
  material.onBeforeCompile = (shader) => {
    Object.assign(shader.uniforms, drape.uniforms);
    shader.vertexShader = shader.vertexShader
      .replace('#include <common>', '#include <common>\nattribute float row;\nvarying float vRow;\nvarying float vUp;')
      .replace('#include <begin_vertex>', '#include <begin_vertex>\nvRow = row;\nvUp = normalize(mat3(modelMatrix) * normal).z;');
    shader.fragmentShader = shader.fragmentShader
      .replace('#include <common>', `#include <common>\nvarying float vRow;\nvarying float vUp;\n${COMMON}`)
      .replace('#include <color_fragment>', /* glsl */ `#include <color_fragment>
        float row = floor(vRow + 0.5);
        diffuseColor.rgb = vUp > 0.15 ? vec3(0.83, 0.82, 0.79) : vec3(0.62, 0.605, 0.58);
        if (uShow > 1.5) {
          vec2 size = vec2(textureSize(uBytes, 0));
          float byte = floor(texelFetch(uBytes, ivec2(mod(row, size.x), floor(row / size.x)), 0).r * 255.0 + 0.5);
          vec4 shown = layerColour(byte);
          diffuseColor.rgb = mix(diffuseColor.rgb, shown.rgb, shown.a);
          diffuseColor.rgb = mix(diffuseColor.rgb, vec3(0.02), 0.75 * layerInk(byte));
        }
        if (abs(row - uPicked) < 0.5) diffuseColor.rgb = mix(diffuseColor.rgb, vec3(0.85, 0.45, 0.0), 0.75);`);
  };
  return material;
}
