/** The map as SVG, from its geometry alone: the same for the live map and for figures that are made with the site. */

import type { JSX } from 'preact';
import type { DeviceBox, Geometry, ServiceBadge, SpaceBox, StackBar, Wire } from './geometry.ts';
import { keyOf, pathOf, round, roundedPath } from './geometry.ts';

export type GroupProps = JSX.SVGAttributes<SVGGElement> & { readonly [data: `data-${string}`]: string | undefined };

/** What makes an element more than a shape; `key` is SPACE, SPACE DEVICE or `service ID`. */
export type Behaviour = (key: string) => GroupProps;

const nothing: Behaviour = () => ({});

/** `part` draws the shapes or the texts alone, for whatever is to go between them. */
export interface DrawingProps {
  readonly geometry: Geometry;
  readonly behave?: Behaviour;
  readonly part?: 'shapes' | 'texts';
}

export function Drawing({ geometry: g, behave = nothing, part }: DrawingProps) {
  if (part === 'texts') return <Texts geometry={g} />;
  const texts = part === undefined;
  return (
    <>
      <g class="map-boxes">
        {g.spaces
          .filter((s) => !s.inner)
          .map((s) => (
            <Space box={s} key={s.id} behave={behave} texts={texts} />
          ))}
      </g>
      <g class="map-wires">
        {g.wires.map((w) => (
          <Line wire={w} key={`${w.kind} ${w.id}`} />
        ))}
      </g>
      {g.stacks.map((s) => (
        <Stack bar={s} key={s.space} texts={texts} />
      ))}
      <g class="map-inner">
        {g.spaces
          .filter((s) => s.inner)
          .map((s) => (
            <Space box={s} key={s.id} behave={behave} texts={texts} />
          ))}
      </g>
      <g class="map-devices">
        {g.devices.map((d) => (
          <Device box={d} key={keyOf(d.space, d.dev)} level={g.level} behave={behave} texts={texts} />
        ))}
      </g>
      <g class="map-names">{texts && g.wires.map((w) => w.title && w.titleAt && <WireName wire={w} key={`${w.kind} ${w.id}`} />)}</g>
      <g class="map-services">
        {g.services.map((s) => (
          <Service box={s} key={s.id} behave={behave} texts={texts} />
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

interface Part<T> {
  readonly box: T;
  readonly behave: Behaviour;
  readonly texts: boolean;
}

const isSmall = (b: SpaceBox): boolean => b.inner || b.kind === 'outside' || b.kind === 'router';

function Space({ box: b, behave, texts }: Part<SpaceBox>) {
  const kind = `map-space ${spaceClass(b)}`;
  const { class: extra = '', ...more } = behave(b.id);
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
      {b.title && !b.inner && <Glyph kind={b.kind} x={b.x + 13} y={b.y + (isSmall(b) && b.level !== 'full' ? b.h / 2 : 14)} />}
      {texts && <SpaceText box={b} />}
    </g>
  );
}

const spaceClass = (b: SpaceBox): string => `map-${b.kind} ${b.inner ? 'map-chip' : ''} ${b.quiet ? 'map-quiet' : ''} map-l-${b.level}`;

function SpaceText({ box: b }: { box: SpaceBox }) {
  const cx = round(b.x + b.w / 2);
  return (
    <>
      {b.title &&
        (b.inner ? (
          <text class="map-title" x={cx} y={round(b.level === 'full' ? b.y + 18 : b.y + b.h / 2 + 4)} text-anchor="middle">
            {b.title}
          </text>
        ) : (
          <text class="map-title" x={round(b.x + 7 + GLYPH_ROOM)} y={round(b.y + (isSmall(b) && b.level !== 'full' ? b.h / 2 + 4 : 18))}>
            {b.title}
          </text>
        ))}
      {b.sub !== '' &&
        b.sub.split('\n').map((line, i) => (
          <text
            class="map-sub"
            key={line}
            x={b.inner ? cx : round(b.x + 9)}
            y={round(b.inner ? b.y + 31 : b.y + 32 + 13 * i)}
            text-anchor={b.inner ? 'middle' : 'start'}
          >
            {` ${line}`}
          </text>
        ))}
    </>
  );
}

function Stack({ bar: b, texts }: { bar: StackBar; texts: boolean }) {
  return (
    <g class="map-stack" data-stack={b.space}>
      <rect x={round(b.x)} y={round(b.y)} width={round(b.w)} height={round(b.h)} rx={round(Math.min(5, b.h / 2))} />
      {texts && <StackText bar={b} />}
    </g>
  );
}

function StackText({ bar: b }: { bar: StackBar }) {
  return b.title === '' ? null : (
    <text x={round(b.x + 8)} y={round(b.y + b.h / 2 + 3.2)}>
      {b.title}
    </text>
  );
}

const deviceClass = (b: DeviceBox): string => `map-dev map-${b.form} ${b.up ? '' : 'map-down'} ${b.tunnel ? 'map-vtep' : ''}`;

function Device({ box: b, level, behave, texts }: Part<DeviceBox> & { readonly level: Geometry['level'] }) {
  const key = keyOf(b.space, b.dev);
  const { class: extra = '', ...more } = behave(key);
  return (
    <g class={`${deviceClass(b)} ${extra}`} data-dev={key} {...more}>
      {b.form === 'port' ? (
        <circle cx={round(b.x)} cy={round(b.y)} r={level === 'dots' ? 1.6 : level === 'compact' ? 2.6 : 3.4} />
      ) : (
        <rect x={round(b.x)} y={round(b.y)} width={round(b.w)} height={round(b.h)} rx={Math.min(5, b.h / 2)} />
      )}
      {texts && <DeviceText box={b} />}
    </g>
  );
}

function DeviceText({ box: b }: { box: DeviceBox }) {
  if (b.title === '') return null;
  if (b.form === 'port')
    return (
      <text class="map-port-name" x={round(b.x)} y={round(b.y - 6)} text-anchor="middle">
        {b.title}
      </text>
    );
  const cx = round(b.x + b.w / 2);
  const bridge = b.form === 'bridge';
  return (
    <>
      <text
        class="map-dev-name"
        x={bridge ? round(b.x + 9) : cx}
        y={round(b.sub === '' ? b.y + b.h / 2 + 3.6 : b.y + 13.5)}
        text-anchor={bridge ? 'start' : 'middle'}
      >
        {b.title}
      </text>
      {b.sub !== '' && (
        <text class="map-dev-sub" x={cx} y={round(b.y + 25.5)} text-anchor="middle">
          {` ${b.sub}`}
        </text>
      )}
    </>
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

const WIRE_NAMES: Readonly<Record<Wire['kind'], 'start' | 'middle' | 'end'>> = {
  ...{ veth: 'middle', tunnel: 'middle', bus: 'end', cable: 'start', inner: 'start' },
};

function WireName({ wire: w }: { wire: Wire }) {
  const at = w.titleAt;
  if (!at) return null;
  return (
    <text class={`map-wire-name map-n-${w.kind}`} x={round(at.x)} y={round(at.y)} text-anchor={WIRE_NAMES[w.kind]}>
      {w.title}
    </text>
  );
}

function Service({ box: s, behave, texts }: Part<ServiceBadge>) {
  const { class: extra = '', ...more } = behave(`service ${s.id}`);
  const mid = s.y + s.h / 2;
  const state = `${s.quiet ? 'map-quiet' : ''} ${s.endpoints.length === 0 ? 'map-empty' : ''}`;
  return (
    <g class={`map-service ${state} ${extra}`} data-service={s.id} {...more}>
      <rect x={round(s.x)} y={round(s.y)} width={round(s.w)} height={round(s.h)} rx={round(s.h / 2)} />
      <path class="map-svc-glyph" d={`M${s.x + 7} ${mid}h3.4m0 0l5 -4m-5 4l5 4`} />
      {texts && <ServiceText badge={s} />}
    </g>
  );
}

function ServiceText({ badge: s }: { badge: ServiceBadge }) {
  return (
    <text class="map-svc-name" x={round(s.x + 22)} y={round(s.y + s.h / 2 + 3.8)}>
      {s.title}
      {s.sub && (
        <tspan class="map-svc-sub" dx="2.5">
          {` ${s.sub}`}
        </tspan>
      )}
    </text>
  );
}

/** The texts alone, in groups of the same classes as the shapes that they belong to. */
function Texts({ geometry: g }: { geometry: Geometry }) {
  return (
    <g class="map-texts">
      {g.spaces.map((s) => (
        <g class={spaceClass(s)} key={s.id}>
          <SpaceText box={s} />
        </g>
      ))}
      {g.stacks.map((s) => (
        <g class="map-stack" key={s.space}>
          <StackText bar={s} />
        </g>
      ))}
      {g.devices.map((d) => (
        <g class={deviceClass(d)} key={keyOf(d.space, d.dev)}>
          <DeviceText box={d} />
        </g>
      ))}
      {g.wires.map((w) => w.title && w.titleAt && <WireName wire={w} key={`${w.kind} ${w.id}`} />)}
      {g.services.map((s) => (
        <g class={`map-service ${s.quiet ? 'map-quiet' : ''}`} key={s.id}>
          <ServiceText badge={s} />
        </g>
      ))}
    </g>
  );
}
