/** Spanning tree of a bridge, IEEE 802.1D-1998. Models net/bridge/br_stp.c, br_stp_if.c, br_stp_timer.c, br_stp_bpdu.c */

import { SEC, type Sim, type Timer } from '../../sim/sim.ts';
import { put16, put32, u16, u32 } from '../../wire/bytes.ts';
import { type Mac, readMac, writeMac } from '../../wire/mac.ts';
import { Skb } from '../skb.ts';
import type { Bridge } from './bridge.ts';
import type { BridgePort, PortState } from './brport.ts';
import { devQueueXmit } from './core.ts';

/** A timer that can be set again. Models mod_timer(), del_timer(). */
export class KTimer {
  private readonly sim: Sim;
  private readonly run: () => void;
  private timer: Timer | null = null;

  constructor(sim: Sim, run: () => void) {
    this.sim = sim;
    this.run = run;
  }

  /** Runs out after `delay` µs. */
  set(delay: number): void {
    this.sim.cancel(this.timer);
    this.timer = this.sim.schedule(delay, this.run);
  }

  stop(): void {
    this.sim.cancel(this.timer);
    this.timer = null;
  }

  get pending(): boolean {
    return this.timer?.run != null;
  }

  /** µs until it runs out, 0 when it is not set. */
  get left(): number {
    return this.timer?.run ? this.timer.time - this.sim.now : 0;
  }
}

export interface BridgeId {
  readonly priority: number;
  readonly mac: Mac;
}

/** memcmp() of two ids. */
function compareIds(a: BridgeId, b: BridgeId): number {
  return a.priority - b.priority || a.mac - b.mac;
}

interface ConfigBpdu {
  topologyChange: boolean;
  topologyChangeAck: boolean;
  root: BridgeId;
  rootPathCost: number;
  bridge: BridgeId;
  port: number;
  /** µs. */
  messageAge: number;
  maxAge: number;
  helloTime: number;
  forwardDelay: number;
}

const HOLD_TIME = SEC;
/** One jiffy. */
const MESSAGE_AGE_INCR = 4_000;
const LLC = [0x42, 0x42, 0x03];
const BPDU_CONFIG = 0;
const BPDU_TCN = 0x80;

export class Stp {
  private readonly br: Bridge;
  enabled = false;
  rootPort = 0;
  rootPathCost = 0;
  root: BridgeId;
  topologyChange = false;
  topologyChangeDetected = false;
  readonly helloTimer: KTimer;
  readonly tcnTimer: KTimer;
  readonly topologyChangeTimer: KTimer;

  constructor(br: Bridge) {
    this.br = br;
    this.root = this.id;
    this.helloTimer = new KTimer(br.sim, () => this.helloExpired());
    this.tcnTimer = new KTimer(br.sim, () => this.tcnExpired());
    this.topologyChangeTimer = new KTimer(br.sim, () => this.topologyChangeExpired());
  }

  get id(): BridgeId {
    return { priority: this.br.priority, mac: this.br.idMac };
  }

  get isRoot(): boolean {
    return compareIds(this.id, this.root) === 0;
  }

  private get ports(): IterableIterator<BridgePort> {
    return this.br.ports.values();
  }

  private portNumber(n: number): BridgePort | undefined {
    for (const p of this.ports) if (p.number === n) return p;
    return undefined;
  }

  // ---- switches ----

  enableBridge(): void {
    if (this.enabled) this.helloTimer.set(this.br.helloTime);
    this.configBpdus();
    for (const p of this.ports) if (p.dev.up && p.dev.operUp()) this.enablePort(p);
  }

  disableBridge(): void {
    for (const p of this.ports) if (p.state !== 'disabled') this.disablePort(p);
    this.topologyChange = this.topologyChangeDetected = false;
    this.helloTimer.stop();
    this.tcnTimer.stop();
    this.topologyChangeTimer.stop();
  }

  enablePort(p: BridgePort): void {
    this.initPort(p);
    this.selectStates();
    this.br.portChanged(p);
  }

  initPort(p: BridgePort): void {
    this.designate(p);
    this.setState(p, 'blocking');
    p.topologyChangeAck = p.configPending = false;
  }

  disablePort(p: BridgePort): void {
    const wasRoot = this.isRoot;
    this.designate(p);
    this.setState(p, 'disabled');
    p.topologyChangeAck = p.configPending = false;
    this.br.portChanged(p);
    p.messageAgeTimer.stop();
    p.forwardDelayTimer.stop();
    p.holdTimer.stop();
    this.br.fdb.deletePort(p, false);
    this.updateConfiguration();
    this.selectStates();
    if (this.isRoot && !wasRoot) this.becomeRoot();
  }

  setEnabled(on: boolean): void {
    if (this.enabled === on) return;
    this.enabled = on;
    if (!on) return;
    const delay = this.br.bridgeForwardDelay;
    this.br.setForwardDelay(Math.min(Math.max(delay, 2 * SEC), 30 * SEC));
    if (this.br.up) this.helloTimer.set(this.br.helloTime);
    this.selectStates();
  }

  setPriority(priority: number): void {
    const wasRoot = this.isRoot;
    const designated = [...this.ports].filter((p) => p.state !== 'disabled' && this.isDesignated(p));
    this.br.priority = priority;
    for (const p of designated) p.designatedBridge = this.id;
    this.updateConfiguration();
    this.selectStates();
    if (this.isRoot && !wasRoot) this.becomeRoot();
  }

  /** br_stp_change_bridge_id(), after `br.idMac` has changed from `old`. */
  addressChanged(old: Mac, wasRoot: boolean): void {
    const { mac } = this.id;
    for (const p of this.ports) {
      if (p.designatedBridge.mac === old) p.designatedBridge = { priority: p.designatedBridge.priority, mac };
      if (p.designatedRoot.mac === old) p.designatedRoot = { priority: p.designatedRoot.priority, mac };
    }
    this.updateConfiguration();
    this.selectStates();
    if (this.isRoot && !wasRoot) this.becomeRoot();
  }

  setPortPriority(p: BridgePort, priority: number): void {
    const designated = this.isDesignated(p);
    p.priority = priority;
    if (designated) p.designatedPort = p.id;
    if (compareIds(this.id, p.designatedBridge) === 0 && p.id < p.designatedPort) {
      this.designate(p);
      this.selectStates();
    }
  }

  setPathCost(p: BridgePort, cost: number): void {
    p.cost = cost;
    this.updateConfiguration();
    this.selectStates();
  }

  // ---- decisions ----

  isDesignated(p: BridgePort): boolean {
    return compareIds(p.designatedBridge, this.id) === 0 && p.designatedPort === p.id;
  }

  private designate(p: BridgePort): void {
    p.designatedRoot = this.root;
    p.designatedCost = this.rootPathCost;
    p.designatedBridge = this.id;
    p.designatedPort = p.id;
  }

  private betterRootPort(p: BridgePort, best: BridgePort | null): boolean {
    if (p.state === 'disabled' || this.isDesignated(p)) return false;
    if (compareIds(this.id, p.designatedRoot) <= 0) return false;
    if (!best) return true;
    const order =
      compareIds(p.designatedRoot, best.designatedRoot) ||
      p.designatedCost + p.cost - (best.designatedCost + best.cost) ||
      compareIds(p.designatedBridge, best.designatedBridge) ||
      p.designatedPort - best.designatedPort ||
      p.id - best.id;
    return order < 0;
  }

  private selectRoot(): void {
    let best: BridgePort | null = null;
    for (const p of this.ports) {
      if (!this.betterRootPort(p, best)) continue;
      if (p.rootBlock) {
        this.setState(p, 'listening');
        this.br.portChanged(p);
        if (this.br.forwardDelay > 0) p.forwardDelayTimer.set(this.br.forwardDelay);
      } else best = p;
    }
    this.rootPort = best?.number ?? 0;
    this.root = best ? best.designatedRoot : this.id;
    this.rootPathCost = best ? best.designatedCost + best.cost : 0;
  }

  private shouldDesignate(p: BridgePort): boolean {
    if (this.isDesignated(p) || compareIds(p.designatedRoot, this.root) !== 0) return true;
    const order = this.rootPathCost - p.designatedCost || compareIds(this.id, p.designatedBridge) || p.id - p.designatedPort;
    return order < 0;
  }

  private updateConfiguration(): void {
    this.selectRoot();
    for (const p of this.ports) if (p.state !== 'disabled' && this.shouldDesignate(p)) this.designate(p);
  }

  /** br_port_state_selection(): also decides on the bridge's carrier. */
  selectStates(): void {
    let live = false;
    for (const p of this.ports) {
      if (p.state === 'disabled') continue;
      if (p.number === this.rootPort) {
        p.configPending = p.topologyChangeAck = false;
        this.makeForwarding(p);
      } else if (this.isDesignated(p)) {
        p.messageAgeTimer.stop();
        this.makeForwarding(p);
      } else {
        p.configPending = p.topologyChangeAck = false;
        this.makeBlocking(p);
      }
      if ((p.state as PortState) === 'forwarding') live = true;
    }
    if (live) this.br.carrierOn();
    else this.br.carrierOff();
  }

  private makeForwarding(p: BridgePort): void {
    if (p.state !== 'blocking') return;
    const { forwardDelay } = this.br;
    if (!this.enabled || forwardDelay === 0) {
      this.setState(p, 'forwarding');
      this.detectTopologyChange();
      p.forwardDelayTimer.stop();
    } else this.setState(p, 'listening');
    this.br.portChanged(p);
    p.forwardDelayEnd = this.br.sim.now + forwardDelay;
    // Without a tree nothing happens when it runs out, so it is not set at all; `forwardDelayEnd` tells what it would show.
    if (this.enabled && forwardDelay > 0) p.forwardDelayTimer.set(forwardDelay);
  }

  private makeBlocking(p: BridgePort): void {
    if (p.state === 'disabled' || p.state === 'blocking') return;
    if (p.state === 'forwarding' || p.state === 'learning') this.detectTopologyChange();
    this.setState(p, 'blocking');
    this.br.portChanged(p);
    p.forwardDelayTimer.stop();
  }

  setState(p: BridgePort, state: PortState): void {
    if (p.state === state) return;
    p.state = state;
    if (this.enabled && state === 'blocking') p.stpStats.blocked++;
    if (this.enabled && state === 'forwarding') p.stpStats.forwarding++;
    this.br.ns.kernel.printk(`${this.br.name}: port ${p.number}(${p.dev.name}) entered ${state} state`);
  }

  private becomeRoot(): void {
    const { br } = this;
    br.maxAge = br.bridgeMaxAge;
    br.helloTime = br.bridgeHelloTime;
    br.forwardDelay = br.bridgeForwardDelay;
    this.detectTopologyChange();
    this.tcnTimer.stop();
    if (!br.up) return;
    this.configBpdus();
    if (this.enabled) this.helloTimer.set(br.helloTime);
  }

  private detectTopologyChange(): void {
    if (!this.enabled) return;
    const { br } = this;
    br.ns.kernel.printk(`${br.name}: topology change detected, ${this.isRoot ? 'propagating' : 'sending tcn bpdu'}`);
    if (this.isRoot) {
      this.setTopologyChange(true);
      this.topologyChangeTimer.set(br.bridgeForwardDelay + br.bridgeMaxAge);
    } else if (!this.topologyChangeDetected) {
      this.sendTcn();
      this.tcnTimer.set(br.bridgeHelloTime);
    }
    this.topologyChangeDetected = true;
  }

  /** While the tree changes, learned addresses live for two forward delays only. */
  private setTopologyChange(on: boolean): void {
    if (this.enabled && this.topologyChange !== on) this.br.ageingTime = on ? 2 * this.br.forwardDelay : this.br.bridgeAgeingTime;
    this.topologyChange = on;
  }

  // ---- BPDUs out ----

  private configBpdus(): void {
    for (const p of this.ports) if (p.state !== 'disabled' && this.isDesignated(p)) this.sendConfig(p);
  }

  private sendConfig(p: BridgePort): void {
    if (p.holdTimer.pending) {
      p.configPending = true;
      return;
    }
    const { br } = this;
    const root = this.isRoot ? undefined : this.portNumber(this.rootPort);
    const messageAge = root ? br.sim.now - root.designatedAge + MESSAGE_AGE_INCR : 0;
    if (messageAge >= br.maxAge) return;
    this.transmit(p, (b) => {
      b[3] = BPDU_CONFIG;
      b[4] = (this.topologyChange ? 0x01 : 0) | (p.topologyChangeAck ? 0x80 : 0);
      writeId(b, 5, this.root);
      put32(b, 13, this.rootPathCost);
      writeId(b, 17, this.id);
      put16(b, 25, p.id);
      put16(b, 27, ticks(messageAge));
      put16(b, 29, ticks(br.maxAge));
      put16(b, 31, ticks(br.helloTime));
      put16(b, 33, ticks(br.forwardDelay));
    });
    p.topologyChangeAck = p.configPending = false;
    if (this.enabled) p.holdTimer.set(HOLD_TIME);
  }

  private sendTcn(): void {
    const p = this.portNumber(this.rootPort);
    if (p) {
      this.transmit(p, (b) => {
        b[3] = BPDU_TCN;
      });
    }
  }

  private transmit(p: BridgePort, fill: (bpdu: Uint8Array) => void): void {
    if (!this.enabled) return;
    const bpdu = new Uint8Array(35);
    fill(bpdu);
    if (bpdu[3] === BPDU_TCN) p.stpStats.txTcn++;
    else p.stpStats.txBpdu++;
    const length = bpdu[3] === BPDU_TCN ? 4 : 35;
    const data = new Uint8Array(LLC.length + length);
    data.set(LLC);
    data.set(bpdu.subarray(0, length), LLC.length);
    const skb = new Skb(this.br.sim, data.length, data);
    skb.dev = p.dev;
    skb.ethSrc = p.dev.mac;
    skb.ethDst = this.br.groupAddress;
    this.br.sim.schedule(0, () => {
      if (p.dev.registered) devQueueXmit(skb);
    });
  }

  // ---- BPDUs in ----

  /** br_stp_rcv(): a frame for the bridge group address. */
  receive(p: BridgePort, skb: Skb): void {
    const b = skb.data;
    if (!this.enabled || !this.br.up || p.state === 'disabled' || skb.ethDst !== this.br.groupAddress) return;
    if (b.length < 7 || LLC.some((v, i) => b[i] !== v) || u16(b, 3) !== 0 || b[5] !== 0) return;
    if (p.guard) {
      this.br.ns.kernel.printk(`${this.br.name}: BPDU received on blocked port ${p.number} (${p.dev.name})`);
      this.disablePort(p);
      return;
    }
    const at = LLC.length;
    if (b[at + 3] === BPDU_TCN) this.receiveTcn(p);
    else if (b[at + 3] === BPDU_CONFIG && b.length >= at + 35) {
      const flags = b[at + 4] as number;
      const config: ConfigBpdu = {
        topologyChange: (flags & 0x01) !== 0,
        topologyChangeAck: (flags & 0x80) !== 0,
        root: readId(b, at + 5),
        rootPathCost: u32(b, at + 13),
        bridge: readId(b, at + 17),
        port: u16(b, at + 25),
        messageAge: micros(u16(b, at + 27)),
        maxAge: micros(u16(b, at + 29)),
        helloTime: micros(u16(b, at + 31)),
        forwardDelay: micros(u16(b, at + 33)),
      };
      if (config.messageAge <= config.maxAge) this.receiveConfig(p, config);
    }
  }

  private supersedes(p: BridgePort, c: ConfigBpdu): boolean {
    const order = compareIds(c.root, p.designatedRoot) || c.rootPathCost - p.designatedCost || compareIds(c.bridge, p.designatedBridge);
    if (order !== 0) return order < 0;
    return compareIds(c.bridge, this.id) !== 0 || c.port <= p.designatedPort;
  }

  private receiveConfig(p: BridgePort, c: ConfigBpdu): void {
    p.stpStats.rxBpdu++;
    const { br } = this;
    const wasRoot = this.isRoot;
    if (!this.supersedes(p, c)) {
      if (this.isDesignated(p)) this.sendConfig(p);
      return;
    }
    p.designatedRoot = c.root;
    p.designatedCost = c.rootPathCost;
    p.designatedBridge = c.bridge;
    p.designatedPort = c.port;
    p.designatedAge = br.sim.now - c.messageAge;
    p.messageAgeTimer.set(c.maxAge - c.messageAge);
    this.updateConfiguration();
    this.selectStates();
    if (!this.isRoot && wasRoot) {
      this.helloTimer.stop();
      if (this.topologyChangeDetected) {
        this.topologyChangeTimer.stop();
        this.sendTcn();
        this.tcnTimer.set(br.bridgeHelloTime);
      }
    }
    if (p.number !== this.rootPort) return;
    br.maxAge = c.maxAge;
    br.helloTime = c.helloTime;
    br.forwardDelay = c.forwardDelay;
    this.setTopologyChange(c.topologyChange);
    this.configBpdus();
    if (c.topologyChangeAck) {
      this.topologyChangeDetected = false;
      this.tcnTimer.stop();
    }
  }

  private receiveTcn(p: BridgePort): void {
    p.stpStats.rxTcn++;
    if (!this.isDesignated(p)) return;
    this.detectTopologyChange();
    p.topologyChangeAck = true;
    this.sendConfig(p);
  }

  // ---- timers ----

  private helloExpired(): void {
    if (!this.br.up) return;
    this.configBpdus();
    if (this.enabled) this.helloTimer.set(this.br.helloTime);
  }

  private tcnExpired(): void {
    if (this.isRoot || !this.br.up) return;
    this.sendTcn();
    this.tcnTimer.set(this.br.bridgeHelloTime);
  }

  private topologyChangeExpired(): void {
    this.topologyChangeDetected = false;
    this.setTopologyChange(false);
  }

  messageAgeExpired(p: BridgePort): void {
    if (p.state === 'disabled') return;
    const wasRoot = this.isRoot;
    this.designate(p);
    this.updateConfiguration();
    this.selectStates();
    if (this.isRoot && !wasRoot) this.becomeRoot();
  }

  forwardDelayExpired(p: BridgePort): void {
    if (p.state === 'listening') {
      this.setState(p, 'learning');
      p.forwardDelayTimer.set(this.br.forwardDelay);
    } else if (p.state === 'learning') {
      this.setState(p, 'forwarding');
      for (const q of this.ports) {
        if (q.state === 'disabled' || compareIds(q.designatedBridge, this.id) !== 0) continue;
        this.detectTopologyChange();
        break;
      }
      this.br.carrierOn();
    }
    this.br.portChanged(p);
  }

  holdExpired(p: BridgePort): void {
    if (p.configPending) this.sendConfig(p);
  }
}

/** µs to 1/256 s. */
function ticks(us: number): number {
  return Math.floor((us * 256) / SEC);
}

function micros(t: number): number {
  return Math.ceil((t * SEC) / 256);
}

function writeId(b: Uint8Array, at: number, id: BridgeId): void {
  put16(b, at, id.priority);
  writeMac(b, at + 2, id.mac);
}

function readId(b: Uint8Array, at: number): BridgeId {
  return { priority: u16(b, at), mac: readMac(b, at + 2) };
}
