/** What the files in `data/` hold; written by twin/view/bundle.py. */

export type Language = 'de' | 'en' | 'ls';
export type Words = Record<Language, string>;

export interface Grid { x0: number; y0: number; cell: number; width: number; height: number }
export interface Scale { offset: number; factor: number }

export interface LayerClass {
  from: number | null;
  to: number | null;
  color: string;
  shades: string[];
  hatch: number;
  label: Words;
  name: Words;
}

export interface LayerInfo {
  key: string;
  label: Words;
  unit: string;
  kind: 'raster' | 'buildings' | 'trees' | 'streets' | 'sensors';
  times: number[];
  classes: LayerClass[];
  nodata: number;
  grid: Grid;
  files: Record<string, string>;
  deltas: string[];
  scale: Scale;
  covers: 'part' | 'all';
}

export interface Variant { key: string; label: Words }

export interface Manifest {
  version: number;
  title: string;
  subtitle: string;
  languages: Language[];
  crs: string;
  origin: { x: number; y: number; z: number; longitude: number | null; latitude: number | null; convergence_deg: number };
  extent: [number, number, number, number];
  timezone: string;
  times: string[];
  default_time: number;
  event: unknown;
  variants: Variant[];
  layers: LayerInfo[];
  tiles: string | null;
  terrain: { grid: Grid; file: string; scale: Scale };
  trees: string;
  features: string;
  indicators: string;
  sources: string[];
}

export type Column = (number | null)[];

export interface FeatureTable {
  id?: string[];
  name?: string[];
  x: number[];
  y: number[];
  values: Record<string, Column>;
}
export interface BuildingTable extends FeatureTable { z: number[]; height: Column; year: Column; storeys: Column }
export interface StreetTable extends FeatureTable { kind: string[]; lines: number[][] }
export interface PlaceTable { name: string[]; kind: Kind[]; x: number[]; y: number[]; row: number[] }
export interface Features {
  buildings: BuildingTable;
  trees: { id: string[]; values: Record<string, Column> };
  streets: StreetTable;
  sensors: FeatureTable;
  places: PlaceTable;
}

export interface Sail { outline: number[]; height: number; in: number }
export interface Trees {
  x: number[];
  y: number[];
  z: number[];
  height: number[];
  radius: number[];
  base: number[];
  shape: number[];
  shapes: string[];
  species: number[];
  names: string[];
  id: string[];
  in: number[];
  sails: Sail[];
}

export interface Indicator {
  key: string;
  time: string | null;
  label: Words;
  unit: Words;
  decimals: number;
  better: number;
  values: Record<string, number | null>;
  difference: Record<string, number | null>;
}

export type Kind = 'building' | 'tree' | 'street' | 'sensor';
export interface Picked { kind: Kind | 'ground'; row: number; x: number; y: number }

export interface MeasureKind { kind: string; label: Words; unit: 'tree' | 'm2' | 'm'; cost: number; max: number }
export interface EventInfo {
  title: string | Words;
  languages?: Language[];
  what_if?: { measures: MeasureKind[]; budget: number | null; area: [number, number, number, number]; enabled: boolean };
  participation?: { comments: boolean; votes: boolean; survey: boolean; topics: { key: string; label: Words }[] };
  retention_date?: string | null;
  kiosk?: { idle_seconds: number };
}
