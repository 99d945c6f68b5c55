/** Rules of the kinds of apps, and of ReplicationController. Models pkg/apis/apps/v1/defaults.go, pkg/registry/apps, printers. */

import { equal } from '../equal.ts';
import { invalid, notSupported, required } from '../field.ts';
import { registerKind } from '../kind.ts';
import { nameIsLabel } from '../names.ts';
import {
  type ControllerRevision,
  controllerOf,
  type DaemonSet,
  type Deployment,
  type ReplicaSet,
  type StatefulSet,
  type Stored,
} from '../object.ts';
import type { V1DaemonSetSpec, V1DeploymentSpec, V1ReplicaSetSpec, V1ReplicationController, V1StatefulSetSpec } from '../types.ts';
import * as apps from './apps.ts';
import { age, columns, containerImages, containerNames, formatSelector, labelText, selectorString } from './columns.ts';
import { immutable, mapSame, nonNegative, withMembers } from './common.ts';
import { templateDefaults } from './pod-defaults.ts';
import { validatePodTemplate } from './podspec.ts';
import { claimDefaults } from './storage.ts';

registerKind<Deployment>('Deployment.apps', {
  defaults(d) {
    const spec = (d.spec ?? {}) as V1DeploymentSpec;
    const strategy = spec.strategy ?? {};
    const type = strategy.type || 'RollingUpdate';
    const rolling = strategy.rollingUpdate ?? {};
    const made = withMembers(spec, {
      replicas: spec.replicas ?? 1,
      strategy: withMembers(strategy, {
        type,
        rollingUpdate:
          type === 'RollingUpdate'
            ? withMembers(rolling, { maxUnavailable: rolling.maxUnavailable ?? '25%', maxSurge: rolling.maxSurge ?? '25%' })
            : strategy.rollingUpdate,
      }),
      revisionHistoryLimit: spec.revisionHistoryLimit ?? 10,
      progressDeadlineSeconds: spec.progressDeadlineSeconds ?? 600,
      template: templateDefaults(spec.template ?? {}),
    });
    return made === d.spec ? d : { ...d, spec: made };
  },
  prepareForCreate: (d) => ({ ...d, status: {} }),
  validate: apps.validateDeployment,
  validateUpdate: apps.validateDeploymentUpdate,
  generationChanged: (d, old) => !equal(d.spec, old.spec) || !equal(d.metadata.annotations, old.metadata.annotations),
  columns: columns('Name|Ready|Up-to-date|Available|Age|+Containers|+Images|+Selector'),
  row: (d, now) => [
    d.metadata.name,
    `${d.status?.readyReplicas ?? 0}/${d.spec?.replicas ?? 0}`,
    d.status?.updatedReplicas ?? 0,
    d.status?.availableReplicas ?? 0,
    age(d, now),
    containerNames(d.spec?.template.spec?.containers),
    containerImages(d.spec?.template.spec?.containers),
    selectorString(d.spec?.selector),
  ],
});

registerKind<ReplicaSet>('ReplicaSet.apps', {
  defaults(rs) {
    const spec = (rs.spec ?? {}) as V1ReplicaSetSpec;
    const made = withMembers(spec, { replicas: spec.replicas ?? 1, template: templateDefaults(spec.template ?? {}) });
    return made === rs.spec ? rs : { ...rs, spec: made };
  },
  prepareForCreate: (rs) => ({ ...rs, status: { replicas: 0 } }),
  validate: apps.validateReplicaSet,
  validateUpdate: apps.validateReplicaSetUpdate,
  columns: columns('Name|Desired|Current|Ready|Age|+Containers|+Images|+Selector'),
  row: (rs, now) => [
    rs.metadata.name,
    rs.spec?.replicas ?? 0,
    rs.status?.replicas ?? 0,
    rs.status?.readyReplicas ?? 0,
    age(rs, now),
    containerNames(rs.spec?.template?.spec?.containers),
    containerImages(rs.spec?.template?.spec?.containers),
    formatSelector(rs.spec?.selector),
  ],
  selectableFields: { 'status.replicas': (rs) => String(rs.status?.replicas ?? 0) },
});

const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation';
const withGeneration = (ds: DaemonSet, n: number): DaemonSet => ({
  ...ds,
  metadata: { ...ds.metadata, annotations: { ...ds.metadata.annotations, [TEMPLATE_GENERATION]: String(n) } },
});
const templateGeneration = (ds: DaemonSet): number => Number(ds.metadata.annotations?.[TEMPLATE_GENERATION] ?? 0);

registerKind<DaemonSet>('DaemonSet.apps', {
  defaults(ds) {
    const spec = (ds.spec ?? {}) as V1DaemonSetSpec;
    const strategy = spec.updateStrategy ?? {};
    const type = strategy.type || 'RollingUpdate';
    const rolling = strategy.rollingUpdate ?? {};
    const made = withMembers(spec, {
      updateStrategy: withMembers(strategy, {
        type,
        rollingUpdate:
          type === 'RollingUpdate'
            ? withMembers(rolling, { maxUnavailable: rolling.maxUnavailable ?? 1, maxSurge: rolling.maxSurge ?? 0 })
            : strategy.rollingUpdate,
      }),
      revisionHistoryLimit: spec.revisionHistoryLimit ?? 10,
      template: templateDefaults(spec.template ?? {}),
    });
    return made === ds.spec ? ds : { ...ds, spec: made };
  },
  prepareForCreate: (ds) =>
    withGeneration(
      { ...ds, status: { currentNumberScheduled: 0, desiredNumberScheduled: 0, numberMisscheduled: 0, numberReady: 0 } },
      Math.max(1, templateGeneration(ds)),
    ),
  prepareForUpdate(ds, old, context) {
    if (context.subresource !== '') return ds;
    const was = templateGeneration(old);
    return withGeneration(ds, equal(ds.spec?.template, old.spec?.template) ? was : was + 1);
  },
  validate: apps.validateDaemonSet,
  validateUpdate: apps.validateDaemonSetUpdate,
  columns: columns('Name|Desired|Current|Ready|Up-to-date|Available|Node Selector|Age|+Containers|+Images|+Selector'),
  row: (ds, now) => [
    ds.metadata.name,
    ds.status?.desiredNumberScheduled ?? 0,
    ds.status?.currentNumberScheduled ?? 0,
    ds.status?.numberReady ?? 0,
    ds.status?.updatedNumberScheduled ?? 0,
    ds.status?.numberAvailable ?? 0,
    labelText(ds.spec?.template.spec?.nodeSelector),
    age(ds, now),
    containerNames(ds.spec?.template.spec?.containers),
    containerImages(ds.spec?.template.spec?.containers),
    formatSelector(ds.spec?.selector),
  ],
});

registerKind<StatefulSet>('StatefulSet.apps', {
  defaults(s) {
    const spec = (s.spec ?? {}) as V1StatefulSetSpec;
    const strategy = spec.updateStrategy ?? {};
    const type = strategy.type || 'RollingUpdate';
    const rolling = strategy.rollingUpdate ?? (strategy.type ? undefined : {});
    const kept = spec.persistentVolumeClaimRetentionPolicy ?? {};
    const made = withMembers(spec, {
      podManagementPolicy: spec.podManagementPolicy || 'OrderedReady',
      updateStrategy: withMembers(strategy, {
        type,
        rollingUpdate:
          type === 'RollingUpdate' && rolling ? withMembers(rolling, { partition: rolling.partition ?? 0 }) : strategy.rollingUpdate,
      }),
      persistentVolumeClaimRetentionPolicy: withMembers(kept, {
        whenDeleted: kept.whenDeleted || 'Retain',
        whenScaled: kept.whenScaled || 'Retain',
      }),
      replicas: spec.replicas ?? 1,
      revisionHistoryLimit: spec.revisionHistoryLimit ?? 10,
      template: templateDefaults(spec.template ?? {}),
      volumeClaimTemplates: mapSame(spec.volumeClaimTemplates, (c) =>
        claimDefaults(withMembers(c, { apiVersion: 'v1', kind: 'PersistentVolumeClaim' })),
      ),
    });
    return made === s.spec ? s : { ...s, spec: made };
  },
  prepareForCreate: (s) => ({ ...s, status: { availableReplicas: 0, replicas: 0 } }),
  nameCheck: nameIsLabel,
  validate: apps.validateStatefulSet,
  validateUpdate: apps.validateStatefulSetUpdate,
  columns: columns('Name|Ready|Age|+Containers|+Images'),
  row: (s, now) => [
    s.metadata.name,
    `${s.status?.readyReplicas ?? 0}/${s.spec?.replicas ?? 0}`,
    age(s, now),
    containerNames(s.spec?.template.spec?.containers),
    containerImages(s.spec?.template.spec?.containers),
  ],
});

registerKind<ControllerRevision>('ControllerRevision.apps', {
  validate: (r) => [
    ...(r.data === undefined || r.data === null ? [required('data', 'data is mandatory')] : []),
    ...nonNegative('revision', r.revision),
  ],
  validateUpdate: (r, old) => immutable('data', r.data, old.data),
  columns: columns('Name|Controller|Revision|Age'),
  row(r, now) {
    const owner = controllerOf(r);
    const group = owner?.apiVersion.includes('/') ? `.${owner.apiVersion.split('/')[0]}` : '';
    return [r.metadata.name, owner ? `${owner.kind.toLowerCase()}${group}/${owner.name}` : '<none>', r.revision, age(r, now)];
  },
});

type Rc = Stored<V1ReplicationController>;
registerKind<Rc>('ReplicationController', {
  defaults(rc) {
    const spec = rc.spec ?? {};
    const labels = spec.template?.metadata?.labels;
    const made = withMembers(spec, {
      replicas: spec.replicas ?? 1,
      selector: spec.selector && Object.keys(spec.selector).length > 0 ? spec.selector : labels,
      template: spec.template && templateDefaults(spec.template),
    });
    const metadata = labels && Object.keys(rc.metadata.labels ?? {}).length === 0 ? { ...rc.metadata, labels } : rc.metadata;
    return withMembers(rc, { spec: made === rc.spec ? rc.spec : made, metadata });
  },
  prepareForCreate: (rc) => ({ ...rc, status: { replicas: 0 } }),
  validate(rc) {
    const spec = rc.spec ?? {};
    const out = [...nonNegative('spec.minReadySeconds', spec.minReadySeconds), ...nonNegative('spec.replicas', spec.replicas)];
    const pairs = Object.entries(spec.selector ?? {});
    if (pairs.length === 0) out.push(required('spec.selector'));
    if (!spec.template) return [...out, required('spec.template')];
    const labels = spec.template.metadata?.labels ?? {};
    if (pairs.some(([k, v]) => labels[k] !== v))
      out.push(invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'));
    out.push(...validatePodTemplate('spec.template', spec.template));
    const policy = spec.template.spec?.restartPolicy ?? '';
    if (policy !== 'Always') out.push(notSupported('spec.template.spec.restartPolicy', policy, ['Always']));
    return out;
  },
  defaultPropagation: 'Orphan',
  columns: columns('Name|Desired|Current|Ready|Age|+Containers|+Images|+Selector'),
  row: (rc, now) => [
    rc.metadata.name,
    rc.spec?.replicas ?? 0,
    rc.status?.replicas ?? 0,
    rc.status?.readyReplicas ?? 0,
    age(rc, now),
    containerNames(rc.spec?.template?.spec?.containers),
    containerImages(rc.spec?.template?.spec?.containers),
    labelText(rc.spec?.selector),
  ],
});
