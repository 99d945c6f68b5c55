/** The way of the chosen packet: a line across the drawing, a ring where it began, a dot or a cross where it ended. */

import type { PacketPath } from '../workspace/focus.ts';
import { Drawing } from './Drawing.tsx';
import { type Geometry, type Point, round, roundedPath } from './geometry.ts';
import { markAt, spotAt, wayBetween } from './way.ts';

export interface Way {
  readonly line: string;
  readonly start: Point;
  readonly finish: Point;
  readonly end: PacketPath['end'];
}

/** Null where nothing of it is drawn. */
export function wayOf(g: Geometry, { places, end }: PacketPath): Way | null {
  const drawn = places.filter((p) => spotAt(g, p) !== null);
  const [first] = drawn;
  const start = first && spotAt(g, first);
  if (!start) return null;
  const points: Point[] = [start];
  drawn.forEach((place, i) => {
    const before = drawn[i - 1];
    if (before) points.push(...wayBetween(g, before, place));
  });
  const clean = points.filter((p, i) => i === 0 || p.x !== points[i - 1]?.x || p.y !== points[i - 1]?.y);
  const last = drawn.at(-1) ?? first;
  return { line: roundedPath(clean, 5), start: markAt(g, first) ?? start, finish: markAt(g, last) ?? start, end };
}

export function ChosenWay({ way: { line, start, finish, end }, geometry }: { way: Way; geometry: Geometry }) {
  const [x, y] = [round(finish.x), round(finish.y)];
  return (
    <g class="map-picked" data-end={end}>
      <path class="map-picked-under" d={line} />
      <path class="map-picked-line" d={line} />
      {/* biome-ignore lint/a11y/noAriaHiddenOnFocusable: no focus goes to a <g>; its texts are read in the drawing below */}
      <g aria-hidden="true">
        <Drawing geometry={geometry} part="texts" />
      </g>
      <circle class="map-picked-start" cx={round(start.x)} cy={round(start.y)} r="5" />
      {end === 'dropped' ? (
        <path class="map-picked-cross" d={`M${x - 6} ${y - 6}l12 12m0 -12l-12 12`} />
      ) : (
        end === 'arrived' && <circle class="map-picked-finish" cx={x} cy={y} r="5.5" />
      )}
    </g>
  );
}
