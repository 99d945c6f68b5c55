/** Values of the API's enumerated fields, as the documents of OpenAPI list them. */

const PROTOCOL = 'SCTP TCP UDP';
const EFFECT = 'NoExecute NoSchedule PreferNoSchedule';
const UPDATE = 'OnDelete RollingUpdate';
const RECLAIM = 'Delete Recycle Retain';
const HONOR = 'Honor Ignore';

const VALUES: Readonly<Record<string, string>> = {
  'V1ServiceSpec.type': 'ClusterIP ExternalName LoadBalancer NodePort',
  'V1ServiceSpec.sessionAffinity': 'ClientIP None',
  'V1ServiceSpec.externalTrafficPolicy': 'Cluster Local',
  'V1ServiceSpec.internalTrafficPolicy': 'Cluster Local',
  'V1ServiceSpec.ipFamilyPolicy': 'PreferDualStack RequireDualStack SingleStack',
  'V1ServicePort.protocol': PROTOCOL,
  'V1ContainerPort.protocol': PROTOCOL,
  'CoreV1EndpointPort.protocol': PROTOCOL,
  'DiscoveryV1EndpointPort.protocol': PROTOCOL,
  'V1NetworkPolicyPort.protocol': PROTOCOL,
  'V1IngressPortStatus.protocol': PROTOCOL,
  'V1PortStatus.protocol': PROTOCOL,
  'V1EndpointSlice.addressType': 'FQDN IPv4 IPv6',
  'V1HTTPIngressPath.pathType': 'Exact ImplementationSpecific Prefix',
  'V1PodSpec.restartPolicy': 'Always Never OnFailure',
  'V1PodSpec.dnsPolicy': 'ClusterFirst ClusterFirstWithHostNet Default None',
  'V1PodSpec.preemptionPolicy': 'Never PreemptLowerPriority',
  'V1PriorityClass.preemptionPolicy': 'Never PreemptLowerPriority',
  'V1Container.imagePullPolicy': 'Always IfNotPresent Never',
  'V1Container.terminationMessagePolicy': 'FallbackToLogsOnError File',
  'V1EphemeralContainer.imagePullPolicy': 'Always IfNotPresent Never',
  'V1EphemeralContainer.terminationMessagePolicy': 'FallbackToLogsOnError File',
  'V1HTTPGetAction.scheme': 'HTTP HTTPS',
  'V1Taint.effect': EFFECT,
  'V1Toleration.effect': EFFECT,
  'V1Toleration.operator': 'Equal Exists Gt Lt',
  'V1NodeSelectorRequirement.operator': 'DoesNotExist Exists Gt In Lt NotIn',
  'V1TopologySpreadConstraint.whenUnsatisfiable': 'DoNotSchedule ScheduleAnyway',
  'V1TopologySpreadConstraint.nodeAffinityPolicy': HONOR,
  'V1TopologySpreadConstraint.nodeTaintsPolicy': HONOR,
  'V1DeploymentStrategy.type': 'Recreate RollingUpdate',
  'V1DaemonSetUpdateStrategy.type': UPDATE,
  'V1StatefulSetUpdateStrategy.type': UPDATE,
  'V1StatefulSetSpec.podManagementPolicy': 'OrderedReady Parallel',
  'V1PodStatus.phase': 'Failed Pending Running Succeeded Unknown',
  'V1PodStatus.qosClass': 'BestEffort Burstable Guaranteed',
  'V1NodeStatus.phase': 'Pending Running Terminated',
  'V1NamespaceStatus.phase': 'Active Terminating',
  'V1JobSpec.completionMode': 'Indexed NonIndexed',
  'V1JobSpec.podReplacementPolicy': 'Failed TerminatingOrFailed',
  'V1CronJobSpec.concurrencyPolicy': 'Allow Forbid Replace',
  'V1PersistentVolumeSpec.persistentVolumeReclaimPolicy': RECLAIM,
  'V1PersistentVolumeSpec.volumeMode': 'Block Filesystem',
  'V1PersistentVolumeClaimSpec.volumeMode': 'Block Filesystem',
  'V1StorageClass.reclaimPolicy': RECLAIM,
  'V1StorageClass.volumeBindingMode': 'Immediate WaitForFirstConsumer',
  'V1PodDisruptionBudgetSpec.unhealthyPodEvictionPolicy': 'AlwaysAllow IfHealthyBudget',
  'V1SeccompProfile.type': 'Localhost RuntimeDefault Unconfined',
  'V1AppArmorProfile.type': 'Localhost RuntimeDefault Unconfined',
  'V1PodSecurityContext.fsGroupChangePolicy': 'Always OnRootMismatch',
  'V1PodSecurityContext.supplementalGroupsPolicy': 'Merge Strict',
  'V1SecurityContext.procMount': 'Default Unmasked',
};

export function enumOf(type: string, field: string): readonly string[] | undefined {
  return VALUES[`${type}.${field}`]?.split(' ');
}
