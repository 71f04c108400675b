/** Where the sun stands: low-precision formulas of the Astronomical Almanac (better than 0.02 degrees, 1950 to 2050). */

export interface SunPosition { altitude: number; azimuth: number }

const RAD = Math.PI / 180;

/** Altitude and azimuth (0 = north, clockwise) [deg] from latitude, declination and hour angle [deg]. */
export function horizontal(latitude: number, declination: number, hourAngle: number): SunPosition {
  const [phi, delta, h] = [latitude * RAD, declination * RAD, hourAngle * RAD];
  const altitude = Math.asin(Math.sin(phi) * Math.sin(delta) + Math.cos(phi) * Math.cos(delta) * Math.cos(h));
  const azimuth = Math.atan2(Math.sin(h), Math.cos(h) * Math.sin(phi) - Math.tan(delta) * Math.cos(phi)) + Math.PI;
  return { altitude: altitude / RAD, azimuth: ((azimuth / RAD) % 360 + 360) % 360 };
}

export function sunPosition(time: Date, latitude: number, longitude: number): SunPosition {
  const n = time.getTime() / 86_400_000 - 10_957.5; // days since 2000-01-01 12:00 UT
  const mean = (280.46 + 0.9856474 * n) * RAD;
  const anomaly = (357.528 + 0.9856003 * n) * RAD;
  const lambda = mean + (1.915 * Math.sin(anomaly) + 0.02 * Math.sin(2 * anomaly)) * RAD;
  const tilt = (23.439 - 4e-7 * n) * RAD;
  const ascension = Math.atan2(Math.cos(tilt) * Math.sin(lambda), Math.cos(lambda));
  const declination = Math.asin(Math.sin(tilt) * Math.sin(lambda));
  const sidereal = (6.697375 + 0.0657098242 * n + ((time.getTime() / 3_600_000) % 24)) * 15;
  const hour = sidereal + longitude - ascension / RAD;
  return horizontal(latitude, declination / RAD, hour);
}
