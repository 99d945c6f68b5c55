/** One machine's box: its pods on top, their cables, its bridges, its IP layer, its other devices at the bottom edge. */

import type { DeviceView, SpaceView } from '../../lab/view/types.ts';
import { mapWords } from '../words/map.ts';
import type { Anchor, DeviceBox, Hub, Level, Point, ServiceBadge, SpaceBox, StackBar, Wire } from './geometry.ts';
import { keyOf, monoWidth, sansWidth, shorten } from './geometry.ts';

/** A machine's own namespace and the others on it. */
export interface MachineView {
  readonly space: SpaceView;
  readonly inner: readonly SpaceView[];
}

/** What a drawing is collected in. */
export interface Sheet {
  readonly spaces: SpaceBox[];
  readonly devices: DeviceBox[];
  readonly stacks: StackBar[];
  readonly wires: Wire[];
  readonly services: ServiceBadge[];
  readonly anchors: Map<string, Anchor>;
  readonly hubs: Map<string, Hub>;
  readonly links: Map<string, { to: string; points: readonly Point[] }>;
}

export interface Drawing {
  readonly w: number;
  readonly h: number;
  /** Puts it there, at least as large as it asked for. */
  place(sheet: Sheet, x: number, y: number, w: number, h: number): void;
}

interface Sizes {
  readonly pad: number;
  readonly head: number;
  readonly chip: number;
  readonly chipGap: number;
  readonly rowGap: number;
  readonly perRow: number;
  readonly cable: number;
  readonly bar: number;
  readonly gap: number;
  readonly stack: number;
  readonly plate: number;
}

const SIZES: Readonly<Record<Level, Sizes>> = {
  full: { pad: 10, head: 26, chip: 50, chipGap: 8, rowGap: 12, perRow: 5, cable: 38, bar: 22, gap: 10, stack: 16, plate: 32 },
  compact: { pad: 8, head: 23, chip: 22, chipGap: 6, rowGap: 8, perRow: 4, cable: 16, bar: 14, gap: 7, stack: 8, plate: 17 },
  dots: { pad: 6, head: 20, chip: 10, chipGap: 3, rowGap: 4, perRow: 8, cable: 7, bar: 5, gap: 5, stack: 4, plate: 6 },
};

const CHIP_MAX = { full: 15, compact: 11, dots: 0 } as const;

export const isQuiet = (space: SpaceView): boolean =>
  space.namespace !== null && space.namespace !== 'default' && /-system$/.test(space.namespace);

const nameOf = (space: SpaceView): string => space.title.replace(/^pod /, '');

const bareAddress = (addr: string | undefined): string => addr?.replace(/\/\d+$/, '') ?? '';

/** Devices that a pod's picture names: its first address is shown with it. */
const addressOf = (space: SpaceView): string =>
  bareAddress(space.devices.find((d) => d.name === 'eth0')?.addrs[0] ?? space.devices.find((d) => d.addrs.length > 0)?.addrs[0]);

interface Group {
  /** Bridge that its pods hang on; none: their cables end at the IP layer. */
  readonly bridge: DeviceView | null;
  readonly pods: readonly SpaceView[];
}

function groupsOf({ space, inner }: MachineView): Group[] {
  const masterOf = (pod: SpaceView): string | null => {
    for (const d of pod.devices) if (d.peer?.space === space.id) return space.devices.find((x) => x.name === d.peer?.dev)?.master ?? null;
    return null;
  };
  const bridges = space.devices.filter((d) => d.kind === 'bridge');
  const of = (name: string | null) =>
    inner.filter((pod) => (bridges.some((b) => b.name === masterOf(pod)) ? masterOf(pod) : null) === name);
  const groups: Group[] = bridges.map((bridge) => ({ bridge, pods: of(bridge.name) }));
  const loose = of(null);
  return loose.length > 0 ? [...groups, { bridge: null, pods: loose }] : groups;
}

interface Chip {
  readonly space: SpaceView;
  readonly title: string;
  readonly sub: string;
  readonly w: number;
}

function chipOf(space: SpaceView, level: Level): Chip {
  if (level === 'dots') return { space, title: '', sub: '', w: SIZES.dots.chip };
  const title = shorten(nameOf(space), CHIP_MAX[level]);
  const sub = level === 'full' ? addressOf(space) : '';
  const w = level === 'full' ? Math.max(sansWidth(title) + 16, monoWidth(sub) + 14, 78) : Math.ceil(sansWidth(title) * 0.92) + 14;
  return { space, title, sub, w: Math.max(w, 44) };
}

interface Plate {
  readonly dev: DeviceView;
  readonly title: string;
  readonly sub: string;
  readonly w: number;
}

export const isTunnel = (d: DeviceView): boolean =>
  d.ends.length > 0 || ['vxlan', 'geneve', 'ipip', 'sit', 'gre', 'gretap', 'ip6tnl', 'ip6gre'].includes(d.kind);

function plateOf(dev: DeviceView, level: Level): Plate {
  if (level === 'dots') return { dev, title: '', sub: '', w: 16 };
  const title = shorten(dev.name, 15);
  const sub = level === 'full' ? (dev.addrs[0] ?? (dev.detail || dev.kind)) : '';
  const w = level === 'full' ? Math.max(monoWidth(title, 10.5), monoWidth(sub, 9.5)) + 14 : monoWidth(title, 9.5) + 10;
  return { dev, title, sub, w: Math.max(w, level === 'full' ? 56 : 30) };
}

/** Devices of the bottom row: those on a bridge at the left, then the rest, tunnels, and cards last. */
function plates({ space, inner }: MachineView, level: Level): { readonly ported: Plate[]; readonly free: Plate[] } {
  const below = space.devices.filter((d) => d.kind !== 'bridge' && !inner.some((i) => i.id === d.peer?.space));
  const shown = level === 'dots' ? below.filter((d) => d.kind === 'ether' || isTunnel(d)) : below;
  const rank = (d: DeviceView): number => (d.kind === 'ether' ? 2 : isTunnel(d) ? 1 : 0);
  const isPort = (d: DeviceView): boolean => space.devices.some((b) => b.kind === 'bridge' && b.name === d.master);
  const sorted = [...shown].sort((a, b) => rank(a) - rank(b));
  return {
    ported: sorted.filter(isPort).map((d) => plateOf(d, level)),
    free: sorted.filter((d) => !isPort(d)).map((d) => plateOf(d, level)),
  };
}

const sum = (list: readonly number[], gap: number): number => list.reduce((n, w) => n + w, 0) + Math.max(0, list.length - 1) * gap;

/** Rows of chips, the first one lowest. */
function chipRows(chips: readonly Chip[], perRow: number): Chip[][] {
  const rows = Math.max(1, Math.ceil(chips.length / perRow));
  const each = Math.ceil(chips.length / rows);
  return Array.from({ length: rows }, (_, r) => chips.slice(r * each, (r + 1) * each)).filter((row) => row.length > 0);
}

/** `maxWidth` is what there is for it; it may ask for more. */
export function machineDrawing(machine: MachineView, level: Level, maxWidth: number): Drawing {
  const s = SIZES[level];
  const { space } = machine;
  const groups = groupsOf(machine).map((g) => {
    const chips = g.pods.map((p) => chipOf(p, level));
    const widest = Math.max(1, ...chips.map((c) => c.w));
    const fits = Math.max(1, Math.floor((maxWidth - 2 * s.pad + s.chipGap) / (widest + s.chipGap)));
    const rows = chipRows(chips, Math.min(s.perRow, fits));
    const label = g.bridge ? monoWidth(barTitle(g.bridge, level)) + 16 : 0;
    return {
      ...g,
      rows,
      w: Math.max(
        label,
        24,
        ...rows.map((row) =>
          sum(
            row.map((c) => c.w),
            s.chipGap,
          ),
        ),
      ),
    };
  });
  const { ported, free } = plates(machine, level);
  const groupGap = s.chipGap * 2;
  const top = sum(
    groups.map((g) => g.w),
    groupGap,
  );
  const bottom = sum(
    [...ported, ...free].map((p) => p.w),
    s.chipGap,
  );
  const depth = Math.max(0, ...groups.map((g) => g.rows.length));
  const bars = groups.some((g) => g.bridge);
  const podsHeight = depth === 0 ? 0 : depth * s.chip + (depth - 1) * s.rowGap + s.cable;
  const name = sansWidth(level === 'dots' ? shorten(space.title, 12) : space.title) + 2 * s.pad + (level === 'full' ? 18 : 36);
  const w = Math.max(name, top + 2 * s.pad, bottom + 2 * s.pad, level === 'dots' ? 76 : 96);
  const h = s.head + podsHeight + (bars ? s.bar + s.gap : 0) + s.stack + s.gap + s.plate + s.pad;

  return {
    w,
    h,
    place(sheet, x, y, width, height) {
      sheet.spaces.push({
        ...{ x, y, w: width, h: height, id: space.id, kind: space.kind, level, inner: false, quiet: false },
        title: level === 'dots' ? shorten(space.title, 12) : space.title,
        sub: '',
      });
      const plateTop = y + height - s.pad - s.plate;
      const stackTop = plateTop - s.gap - s.stack;
      const barTop = stackTop - s.gap - s.bar;
      const stackY = stackTop + s.stack / 2;
      const left = x + s.pad;
      const inside = width - 2 * s.pad;

      const portedWidth =
        ported.length > 0
          ? sum(
              ported.map((p) => p.w),
              s.chipGap,
            ) +
            s.chipGap * 2
          : 0;
      if (level !== 'dots')
        sheet.stacks.push({
          ...{ space: space.id, x: left + portedWidth, y: stackTop, w: inside - portedWidth, h: s.stack },
          title: level === 'full' && inside - portedWidth > 110 ? mapWords.stack : '',
        });
      sheet.hubs.set(space.id, {
        parent: null,
        up: [],
        trunk: null,
        centre: { x: left + portedWidth + (inside - portedWidth) / 2, y: stackY },
      });

      const spare = Math.max(0, inside - top) / Math.max(1, groups.length);
      let gx = left;
      for (const g of groups) {
        const gw = g.w + spare;
        const onTop = g.bridge ? barTop : stackTop;
        if (g.bridge) placeBridge(sheet, space, g.bridge, { x: gx, y: barTop, w: gw, h: s.bar }, stackY, level, left + portedWidth);
        const hub = g.bridge ? keyOf(space.id, g.bridge.name) : space.id;
        const hubY = g.bridge ? barTop + s.bar / 2 : stackY;
        g.rows.forEach((row, r) => {
          const cy = onTop - s.cable - (r + 1) * s.chip - r * s.rowGap;
          const rowWidth = sum(
            row.map((c) => c.w),
            s.chipGap,
          );
          let cx = gx + (gw - rowWidth) / 2;
          for (const chip of row) {
            placePod(sheet, machine, chip, { x: cx, y: cy, w: chip.w, h: s.chip }, { level, lane: r, gap: s.chipGap, onTop, hub, hubY });
            cx += chip.w + s.chipGap;
          }
        });
        gx += gw + groupGap;
      }

      const row = (list: readonly Plate[], from: number, to: number): void => {
        const all = sum(
          list.map((p) => p.w),
          s.chipGap,
        );
        let px = from + Math.max(0, to - from - all) / 2;
        for (const plate of list) {
          placePlate(sheet, space, plate, { x: px, y: plateTop, w: plate.w, h: s.plate }, stackTop + s.stack, barTop + s.bar, stackY);
          px += plate.w + s.chipGap;
        }
      };
      row(ported, left, left + portedWidth - s.chipGap * 2);
      row(free, left + portedWidth, left + inside);
      joinLoose(sheet, machine);
    },
  };
}

function barTitle(bridge: DeviceView, level: Level): string {
  if (level === 'dots') return '';
  const addr = bridge.addrs[0];
  return level === 'full' && addr ? `${bridge.name}  ${addr}` : bridge.name;
}

function placeBridge(
  sheet: Sheet,
  space: SpaceView,
  bridge: DeviceView,
  at: { x: number; y: number; w: number; h: number },
  stackY: number,
  level: Level,
  stackLeft: number,
): void {
  const key = keyOf(space.id, bridge.name);
  const cx = Math.max(at.x + at.w / 2, Math.min(stackLeft + 20, at.x + at.w - 8));
  const mid = at.y + at.h / 2;
  sheet.devices.push({
    space: space.id,
    dev: bridge.name,
    form: 'bridge',
    ...at,
    title: barTitle(bridge, level),
    sub: '',
    up: bridge.up,
    tunnel: false,
  });
  const up = [
    { x: cx, y: mid },
    { x: cx, y: stackY },
  ];
  sheet.wires.push(inner(`${key} ip`, [{ x: cx, y: at.y + at.h }, up[1] as Point], bridge.up));
  sheet.anchors.set(key, { at: { x: cx, y: at.y + at.h - 1 }, hub: space.id, on: up[1] as Point });
  sheet.hubs.set(key, { parent: space.id, up, trunk: null, centre: { x: at.x + at.w / 2, y: mid } });
}

const inner = (id: string, points: readonly Point[], up: boolean): Wire => ({
  ...{ id, kind: 'inner' as const, points, up },
  ...{ oneWay: false, title: '', titleAt: null },
});

interface Below {
  readonly level: Level;
  /** Row, counted from the lowest: cables of the others come down between the chips. */
  readonly lane: number;
  readonly gap: number;
  readonly onTop: number;
  readonly hub: string;
  readonly hubY: number;
}

function placePod(sheet: Sheet, machine: MachineView, chip: Chip, at: { x: number; y: number; w: number; h: number }, b: Below): void {
  const { space } = chip;
  const centre = { x: at.x + at.w / 2, y: at.y + at.h / 2 };
  sheet.spaces.push({
    ...at,
    id: space.id,
    kind: space.kind,
    level: b.level,
    title: chip.title,
    sub: chip.sub,
    inner: true,
    quiet: isQuiet(space),
  });
  sheet.hubs.set(space.id, { parent: null, up: [], trunk: null, centre });
  space.devices.forEach((dev, i) => {
    const x = at.x + (at.w * (i + 1)) / (space.devices.length + 1);
    const port = { x, y: at.y + at.h };
    sheet.anchors.set(keyOf(space.id, dev.name), { at: port, hub: space.id, on: { x, y: centre.y } });
    sheet.devices.push({
      ...{
        space: space.id,
        dev: dev.name,
        form: 'port' as const,
        x,
        y: port.y,
        w: 0,
        h: 0,
        sub: '',
        up: dev.up && dev.carrier,
        tunnel: isTunnel(dev),
      },
      title: b.level === 'full' ? shorten(dev.name, 8) : '',
    });
    const far = machine.space.devices.find((d) => dev.peer?.space === machine.space.id && d.name === dev.peer.dev);
    if (!far) return;
    const down = b.lane === 0 ? x : at.x + at.w + b.gap / 2 - (b.lane - 1) * 1.5;
    const points =
      b.lane === 0 ? [port, { x, y: b.onTop }] : [port, { x, y: port.y + 3 }, { x: down, y: port.y + 3 }, { x: down, y: b.onTop }];
    const end = { x: down, y: b.onTop };
    const up = dev.up && far.up && dev.carrier && far.carrier;
    const long = b.level === 'full' && b.lane === 0;
    sheet.wires.push({
      ...{ id: keyOf(space.id, dev.name), kind: 'veth' as const, points, up, oneWay: false },
      title: long ? shorten(far.name, Math.max(6, Math.floor((at.w + 6) / 5.5))) : '',
      titleAt: long ? { x, y: (port.y + b.onTop) / 2 + 4 } : null,
    });
    sheet.devices.push({
      ...{ space: machine.space.id, dev: far.name, form: 'port' as const, ...end, w: 0, h: 0, title: '', sub: '', up, tunnel: false },
    });
    const farKey = keyOf(machine.space.id, far.name);
    sheet.anchors.set(farKey, { at: end, hub: b.hub, on: { x: down, y: b.hubY } });
    link(sheet, keyOf(space.id, dev.name), farKey, points);
  });
}

export function link(sheet: Sheet, a: string, b: string, points: readonly Point[]): void {
  sheet.links.set(a, { to: b, points });
  sheet.links.set(b, { to: a, points: [...points].reverse() });
}

function placePlate(
  sheet: Sheet,
  space: SpaceView,
  { dev, title, sub }: Plate,
  at: { x: number; y: number; w: number; h: number },
  stackBottom: number,
  barBottom: number,
  stackY: number,
): void {
  const key = keyOf(space.id, dev.name);
  const cx = at.x + at.w / 2;
  const bridge = space.devices.find((b) => b.kind === 'bridge' && b.name === dev.master);
  const hub = bridge ? sheet.hubs.get(keyOf(space.id, bridge.name)) : undefined;
  const up = dev.up && dev.carrier;
  sheet.devices.push({ space: space.id, dev: dev.name, form: 'plate', ...at, title, sub, up, tunnel: isTunnel(dev) });
  const from = hub ? barBottom : stackBottom;
  sheet.wires.push(
    inner(
      `${key} up`,
      [
        { x: cx, y: from },
        { x: cx, y: at.y },
      ],
      up,
    ),
  );
  sheet.anchors.set(key, {
    at: { x: cx, y: at.y + at.h / 2 },
    hub: hub && bridge ? keyOf(space.id, bridge.name) : space.id,
    on: { x: cx, y: hub ? hub.centre.y : stackY },
  });
}

/** Cables between two namespaces of a machine, or from its own to itself: under what they join. */
function joinLoose(sheet: Sheet, { space, inner: spaces }: MachineView): void {
  for (const here of [space, ...spaces])
    for (const dev of here.devices) {
      const key = keyOf(here.id, dev.name);
      if (!dev.peer || dev.kind !== 'veth' || sheet.links.has(key)) continue;
      const other = keyOf(dev.peer.space, dev.peer.dev);
      const a = sheet.anchors.get(key)?.at;
      const b = sheet.anchors.get(other)?.at;
      if (!a || !b) continue;
      const y = Math.max(a.y, b.y) + 8;
      const points = [a, { x: a.x, y }, { x: b.x, y }, b];
      sheet.wires.push({ id: key, kind: 'veth', points, up: dev.up && dev.carrier, oneWay: false, title: '', titleAt: null });
      link(sheet, key, other, points);
    }
}

export type Side = 'left' | 'right' | 'top' | 'bottom';

/** A host outside or a router: a small box with its ports on the sides that their cables lead to. */
export function outsideDrawing({ space }: MachineView, level: Level, sideOf: (dev: DeviceView) => Side): Drawing {
  const dots = level === 'dots';
  const devices = space.devices.filter((d) => d.kind !== 'bridge');
  const title = shorten(space.title, dots ? 12 : 16);
  const addrs = level === 'full' ? devices.flatMap((d) => d.addrs.slice(0, 1).map(bareAddress)) : [];
  const w = Math.max(sansWidth(title) + 31, ...addrs.map((a) => monoWidth(a, 9.5) + 18), dots ? 60 : 84);
  const h = level === 'full' ? 27 + 13 * Math.max(1, addrs.length) : dots ? 20 : 26;
  return {
    w,
    h,
    place(sheet, x, y, width, height) {
      sheet.spaces.push({
        x,
        y,
        w: width,
        h: height,
        id: space.id,
        kind: space.kind,
        level,
        title,
        sub: addrs.join('\n'),
        inner: false,
        quiet: false,
      });
      const centre = { x: x + width / 2, y: y + height / 2 };
      sheet.hubs.set(space.id, { parent: null, up: [], trunk: null, centre });
      for (const side of ['left', 'right', 'top', 'bottom'] as const) {
        const own = devices.filter((d) => sideOf(d) === side);
        own.forEach((dev, i) => {
          const share = (i + 1) / (own.length + 1);
          const at =
            side === 'left' || side === 'right'
              ? { x: side === 'left' ? x : x + width, y: y + height * share }
              : { x: x + width * share, y: side === 'top' ? y : y + height };
          sheet.anchors.set(keyOf(space.id, dev.name), { at, hub: space.id, on: centre });
          sheet.devices.push({
            ...{ space: space.id, dev: dev.name, form: 'port' as const, ...at, w: 0, h: 0, title: '', sub: '' },
            ...{ up: dev.up && dev.carrier, tunnel: false },
          });
        });
      }
    },
  };
}
