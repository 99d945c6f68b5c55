/** The map as SVG, from its geometry alone: the same for the live map and for figures that are made with the site. */

import type { JSX } from 'preact';
import type { DeviceBox, Geometry, ServiceBadge, SpaceBox, StackBar, Wire } from './geometry.ts';
import { keyOf, pathOf, round, roundedPath } from './geometry.ts';

export type GroupProps = JSX.SVGAttributes<SVGGElement> & { readonly [data: `data-${string}`]: string | undefined };

/** What makes an element more than a shape; `key` is SPACE, SPACE DEVICE or `service ID`. */
export type Behaviour = (key: string) => GroupProps;

const nothing: Behaviour = () => ({});

export function Drawing({ geometry: g, behave = nothing }: { geometry: Geometry; behave?: Behaviour }) {
  return (
    <>
      <g class="map-boxes">
        {g.spaces
          .filter((s) => !s.inner)
          .map((s) => (
            <Space box={s} key={s.id} behave={behave} />
          ))}
      </g>
      <g class="map-wires">
        {g.wires.map((w) => (
          <Line wire={w} key={`${w.kind} ${w.id}`} />
        ))}
      </g>
      {g.stacks.map((s) => (
        <Stack bar={s} key={s.space} />
      ))}
      <g class="map-inner">
        {g.spaces
          .filter((s) => s.inner)
          .map((s) => (
            <Space box={s} key={s.id} behave={behave} />
          ))}
      </g>
      <g class="map-devices">
        {g.devices.map((d) => (
          <Device box={d} key={keyOf(d.space, d.dev)} level={g.level} behave={behave} />
        ))}
      </g>
      <g class="map-names">{g.wires.map((w) => w.title && w.titleAt && <WireName wire={w} key={`${w.kind} ${w.id}`} />)}</g>
      <g class="map-services">
        {g.services.map((s) => (
          <Service badge={s} key={s.id} behave={behave} />
        ))}
      </g>
    </>
  );
}

const GLYPH_ROOM = 16;

function Glyph({ kind, x, y }: { kind: SpaceBox['kind']; x: number; y: number }) {
  if (kind === 'pod') return <circle class="map-glyph map-glyph-pod" cx={x} cy={y} r="3.5" />;
  if (kind === 'node') return <rect class="map-glyph map-glyph-node" x={x - 3.5} y={y - 3.5} width="7" height="7" rx="1.2" />;
  if (kind === 'netns') return <circle class="map-glyph map-glyph-netns" cx={x} cy={y} r="3.2" />;
  return <path class="map-glyph map-glyph-outside" d={`M${x} ${y - 4.6}l4.6 4.6l-4.6 4.6l-4.6 -4.6z`} />;
}

function Space({ box: b, behave }: { box: SpaceBox; behave: Behaviour }) {
  const small = b.inner || b.kind === 'outside' || b.kind === 'router';
  const kind = `map-space map-${b.kind} ${b.inner ? 'map-chip' : ''} ${b.quiet ? 'map-quiet' : ''} map-l-${b.level}`;
  const { class: extra = '', ...more } = behave(b.id);
  const cx = b.x + b.w / 2;
  return (
    <g class={`${kind} ${extra}`} data-space={b.id} {...more}>
      <rect
        class="map-box"
        x={round(b.x)}
        y={round(b.y)}
        width={round(b.w)}
        height={round(b.h)}
        rx={b.inner ? (b.level === 'dots' ? 3.5 : 6) : 9}
      />
      {b.title &&
        (b.inner ? (
          <text class="map-title" x={round(cx)} y={round(b.level === 'full' ? b.y + 18 : b.y + b.h / 2 + 4)} text-anchor="middle">
            {b.title}
          </text>
        ) : (
          <>
            <Glyph kind={b.kind} x={b.x + 13} y={b.y + (small && b.level !== 'full' ? b.h / 2 : 14)} />
            <text class="map-title" x={round(b.x + 7 + GLYPH_ROOM)} y={round(b.y + (small && b.level !== 'full' ? b.h / 2 + 4 : 18))}>
              {b.title}
            </text>
          </>
        ))}
      {b.sub?.split('\n').map((line, i) => (
        <text
          class="map-sub"
          key={line}
          x={round(b.inner ? cx : b.x + 9)}
          y={round(b.inner ? b.y + 31 : b.y + 32 + 13 * i)}
          text-anchor={b.inner ? 'middle' : 'start'}
        >
          {line}
        </text>
      ))}
    </g>
  );
}

function Stack({ bar: b }: { bar: StackBar }) {
  return (
    <g class="map-stack" data-stack={b.space}>
      <rect x={round(b.x)} y={round(b.y)} width={round(b.w)} height={round(b.h)} rx={round(Math.min(5, b.h / 2))} />
      {b.title && (
        <text x={round(b.x + 8)} y={round(b.y + b.h / 2 + 3.2)}>
          {b.title}
        </text>
      )}
    </g>
  );
}

function Device({ box: b, level, behave }: { box: DeviceBox; level: Geometry['level']; behave: Behaviour }) {
  const key = keyOf(b.space, b.dev);
  const { class: extra = '', ...more } = behave(key);
  const state = `map-dev map-${b.form} ${b.up ? '' : 'map-down'} ${b.tunnel ? 'map-vtep' : ''} ${extra}`;
  if (b.form === 'port')
    return (
      <g class={state} data-dev={key} {...more}>
        <circle cx={round(b.x)} cy={round(b.y)} r={level === 'dots' ? 1.6 : level === 'compact' ? 2.6 : 3.4} />
        {b.title && (
          <text class="map-port-name" x={round(b.x)} y={round(b.y - 6)} text-anchor="middle">
            {b.title}
          </text>
        )}
      </g>
    );
  const cx = b.x + b.w / 2;
  const bare = b.sub === '';
  return (
    <g class={state} data-dev={key} {...more}>
      <rect x={round(b.x)} y={round(b.y)} width={round(b.w)} height={round(b.h)} rx={Math.min(5, b.h / 2)} />
      {b.title && (
        <text
          class="map-dev-name"
          x={round(b.form === 'bridge' ? b.x + 9 : cx)}
          y={round(bare ? b.y + b.h / 2 + 3.6 : b.y + 13.5)}
          text-anchor={b.form === 'bridge' ? 'start' : 'middle'}
        >
          {b.title}
        </text>
      )}
      {!bare && (
        <text class="map-dev-sub" x={round(cx)} y={round(b.y + 25.5)} text-anchor="middle">
          {b.sub}
        </text>
      )}
    </g>
  );
}

function Line({ wire: w }: { wire: Wire }) {
  const d = w.kind === 'bus' || w.kind === 'inner' ? pathOf(w.points) : roundedPath(w.points);
  return (
    <>
      <path class={`map-wire map-w-${w.kind} ${w.up ? '' : 'map-down'}`} data-wire={w.id} d={d} />
      {w.oneWay && <Arrow points={w.points} />}
    </>
  );
}

function Arrow({ points }: { points: Wire['points'] }) {
  const end = points.at(-1);
  return end ? <path class="map-arrow" d={`M${round(end.x)} ${round(end.y)}l-4 7h8z`} /> : null;
}

function WireName({ wire: w }: { wire: Wire }) {
  const at = w.titleAt;
  if (!at) return null;
  const middle = w.kind === 'veth' || w.kind === 'tunnel';
  return (
    <text class={`map-wire-name map-n-${w.kind}`} x={round(at.x)} y={round(at.y)} text-anchor={middle ? 'middle' : 'start'}>
      {w.title}
    </text>
  );
}

function Service({ badge: s, behave }: { badge: ServiceBadge; behave: Behaviour }) {
  const key = `service ${s.id}`;
  const { class: extra = '', ...more } = behave(key);
  const mid = s.y + s.h / 2;
  const titled = s.x + 22;
  return (
    <g
      class={`map-service ${s.quiet ? 'map-quiet' : ''} ${s.endpoints.length === 0 ? 'map-empty' : ''} ${extra}`}
      data-service={s.id}
      {...more}
    >
      <rect x={round(s.x)} y={round(s.y)} width={round(s.w)} height={round(s.h)} rx={round(s.h / 2)} />
      <path class="map-svc-glyph" d={`M${s.x + 7} ${mid}h3.4m0 0l5 -4m-5 4l5 4`} />
      <text class="map-svc-name" x={round(titled)} y={round(mid + 3.8)}>
        {s.title}
        {s.sub && (
          <tspan class="map-svc-sub" dx="6">
            {s.sub}
          </tspan>
        )}
      </text>
    </g>
  );
}
