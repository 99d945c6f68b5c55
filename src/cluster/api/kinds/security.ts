/** Security contexts of pods and containers. Models ValidateSecurityContext, validatePodSpecSecurityContext (pkg/apis/core/validation). */

import { goText } from '../decode.ts';
import { duplicate, forbidden, invalid, notSupported, required } from '../field.ts';
import { idNumber } from '../names.ts';
import type { V1AppArmorProfile, V1PodSecurityContext, V1PodSpec, V1SeccompProfile, V1SecurityContext } from '../types.ts';
import { bad, type Errors } from './common.ts';
import { localDescendingPath } from './volumes.ts';

const PROFILES = ['Localhost', 'RuntimeDefault', 'Unconfined'];

function seccomp(field: string, p: V1SeccompProfile | undefined): Errors {
  if (!p) return [];
  const out: Errors = [];
  if (!p.type) out.push(required(`${field}.type`, 'type is required when seccompProfile is set'));
  else if (!PROFILES.includes(p.type)) out.push(notSupported(`${field}.type`, p.type, PROFILES));
  const local = p.localhostProfile;
  const at = `${field}.localhostProfile`;
  if (p.type !== 'Localhost') {
    if (local !== undefined) out.push(invalid(at, goText('V1SeccompProfile', p), 'can only be set when seccomp type is Localhost'));
  } else if (local === undefined) out.push(required(at, 'must be set when seccomp type is Localhost'));
  else out.push(...localDescendingPath(at, local));
  return out;
}

function appArmor(field: string, p: V1AppArmorProfile | undefined): Errors {
  if (!p) return [];
  const at = `${field}.localhostProfile`;
  const local = p.localhostProfile;
  if (!p.type) return [required(`${field}.type`, 'type is required when appArmorProfile is set')];
  if (!PROFILES.includes(p.type)) return [notSupported(`${field}.type`, p.type, PROFILES)];
  if (p.type !== 'Localhost') return local === undefined ? [] : [invalid(at, local, 'can only be set when AppArmor type is Localhost')];
  if (local === undefined || local === '') return [required(at, 'must be set when AppArmor type is Localhost')];
  return local.trim() === local ? [] : [invalid(at, local, 'must not be padded with whitespace')];
}

export function containerSecurity(field: string, sc: V1SecurityContext | undefined, hostUsers: boolean): Errors {
  if (!sc) return [];
  const out: Errors = [];
  if (sc.runAsUser !== undefined) out.push(...bad(`${field}.runAsUser`, sc.runAsUser, idNumber(sc.runAsUser)));
  if (sc.runAsGroup !== undefined) out.push(...bad(`${field}.runAsGroup`, sc.runAsGroup, idNumber(sc.runAsGroup)));
  if (sc.procMount !== undefined) {
    if (sc.procMount !== 'Default' && sc.procMount !== 'Unmasked')
      out.push(notSupported(`${field}.procMount`, sc.procMount, ['Default', 'Unmasked']));
    if (hostUsers && sc.procMount === 'Unmasked')
      out.push(invalid(`${field}.procMount`, sc.procMount, '`hostUsers` must be false to use `Unmasked`'));
  }
  out.push(...seccomp(`${field}.seccompProfile`, sc.seccompProfile));
  if (sc.allowPrivilegeEscalation === false) {
    const whole = goText('V1SecurityContext', sc);
    if (sc.privileged) out.push(invalid(field, whole, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'));
    for (const cap of sc.capabilities?.add ?? [])
      if (cap === 'CAP_SYS_ADMIN')
        out.push(invalid(field, whole, 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN'));
  }
  return [...out, ...appArmor(`${field}.appArmorProfile`, sc.appArmorProfile)];
}

const SYSCTL = '[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const SYSCTLS = new RegExp(`^(${SYSCTL}[\\./])*${SYSCTL}$`);
/** As Go prints the expression. */
const SYSCTLS_TEXT = `^(${SYSCTL}[\\./])*${SYSCTL}$`;

function sysctls(field: string, sc: V1PodSecurityContext, spec: V1PodSpec): Errors {
  const names = new Set<string>();
  return (sc.sysctls ?? []).flatMap((s, i) => {
    const at = `${field}[${i}].name`;
    const out: Errors = [];
    if (!s.name) out.push(required(at));
    else if (s.name.length > 253 || !SYSCTLS.test(s.name))
      out.push(invalid(at, s.name, `must have at most 253 characters and match regex ${SYSCTLS_TEXT}`));
    else if (names.has(s.name)) out.push(duplicate(at, s.name));
    const dotted = s.name.replaceAll('/', '.');
    if (spec.hostNetwork && dotted.startsWith('net.')) out.push(invalid(at, s.name, "may not be specified when 'hostNetwork' is true"));
    else if (spec.hostIPC && /^(kernel\.(shm|msg|sem)|fs\.mqueue\.)/.test(dotted))
      out.push(invalid(at, s.name, "may not be specified when 'hostIPC' is true"));
    names.add(s.name);
    return out;
  });
}

export function podSecurity(field: string, spec: V1PodSpec): Errors {
  const sc = spec.securityContext;
  const out: Errors = [];
  if (sc?.fsGroup !== undefined) out.push(...bad(`${field}.fsGroup`, sc.fsGroup, idNumber(sc.fsGroup)));
  if (sc?.runAsUser !== undefined) out.push(...bad(`${field}.runAsUser`, sc.runAsUser, idNumber(sc.runAsUser)));
  if (sc?.runAsGroup !== undefined) out.push(...bad(`${field}.runAsGroup`, sc.runAsGroup, idNumber(sc.runAsGroup)));
  out.push(...(sc?.supplementalGroups ?? []).flatMap((g, i) => bad(`${field}.supplementalGroups[${i}]`, g, idNumber(g))));
  if (spec.shareProcessNamespace && spec.hostPID)
    out.push(invalid(`${field}.shareProcessNamespace`, true, 'ShareProcessNamespace and HostPID cannot both be enabled'));
  if (!sc) return out;
  out.push(...sysctls(`${field}.sysctls`, sc, spec));
  const oneOf = (name: 'fsGroupChangePolicy' | 'supplementalGroupsPolicy' | 'seLinuxChangePolicy', values: readonly string[]): void => {
    const value = sc[name];
    if (value !== undefined && !values.includes(value)) out.push(notSupported(`${field}.${name}`, value, values));
  };
  oneOf('fsGroupChangePolicy', ['Always', 'OnRootMismatch']);
  out.push(...seccomp(`${field}.seccompProfile`, sc.seccompProfile), ...appArmor(`${field}.appArmorProfile`, sc.appArmorProfile));
  oneOf('supplementalGroupsPolicy', ['Merge', 'Strict']);
  oneOf('seLinuxChangePolicy', ['MountOption', 'Recursive']);
  return out;
}

/** User namespaces do not go together with the host's other namespaces. */
export function hostUsers(field: string, spec: V1PodSpec): Errors {
  if (spec.hostUsers !== false) return [];
  const out: Errors = [];
  if (spec.hostNetwork) out.push(forbidden(`${field}.hostNetwork`, 'when `hostUsers` is false'));
  if (spec.hostPID) out.push(forbidden(`${field}.HostPID`, 'when `hostUsers` is false'));
  if (spec.hostIPC) out.push(forbidden(`${field}.HostIPC`, 'when `hostUsers` is false'));
  return out;
}
