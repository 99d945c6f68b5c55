/** Values of the API's enumerated fields, as the documents of OpenAPI list them. Models the types marked +enum of k8s.io/api v0.36.3 */

const PROTOCOL = 'SCTP TCP UDP';
const EFFECT = 'NoExecute NoSchedule PreferNoSchedule';
const UPDATE = 'OnDelete RollingUpdate';
const RECLAIM = 'Delete Recycle Retain';
const HONOR = 'Honor Ignore';
const FAILURE = 'Fail Ignore';
const MATCH = 'Equivalent Exact';
const SIDE_EFFECTS = 'None NoneOnDryRun Some Unknown';
const SIGNALS = `SIGABRT SIGALRM SIGBUS SIGCHLD SIGCLD SIGCONT SIGFPE SIGHUP SIGILL SIGINT SIGIO SIGIOT SIGKILL SIGPIPE SIGPOLL SIGPROF
  SIGPWR SIGQUIT SIGRTMAX SIGRTMAX-1 SIGRTMAX-10 SIGRTMAX-11 SIGRTMAX-12 SIGRTMAX-13 SIGRTMAX-14 SIGRTMAX-2 SIGRTMAX-3
  SIGRTMAX-4 SIGRTMAX-5 SIGRTMAX-6 SIGRTMAX-7 SIGRTMAX-8 SIGRTMAX-9 SIGRTMIN SIGRTMIN+1 SIGRTMIN+10 SIGRTMIN+11
  SIGRTMIN+12 SIGRTMIN+13 SIGRTMIN+14 SIGRTMIN+15 SIGRTMIN+2 SIGRTMIN+3 SIGRTMIN+4 SIGRTMIN+5 SIGRTMIN+6 SIGRTMIN+7
  SIGRTMIN+8 SIGRTMIN+9 SIGSEGV SIGSTKFLT SIGSTOP SIGSYS SIGTERM SIGTRAP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGUSR1 SIGUSR2
  SIGVTALRM SIGWINCH SIGXCPU SIGXFSZ`.replaceAll('\n ', '');

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
  'V1ValidatingAdmissionPolicySpec.failurePolicy': FAILURE,
  'V1MatchResources.matchPolicy': MATCH,
  'V1ValidatingWebhook.failurePolicy': FAILURE,
  'V1ValidatingWebhook.matchPolicy': MATCH,
  'V1ValidatingWebhook.sideEffects': SIDE_EFFECTS,
  'V1MutatingWebhook.failurePolicy': FAILURE,
  'V1MutatingWebhook.matchPolicy': MATCH,
  'V1MutatingWebhook.sideEffects': SIDE_EFFECTS,
  'V1MutatingWebhook.reinvocationPolicy': 'IfNeeded Never',
  'V1PodFailurePolicyOnExitCodesRequirement.operator': 'In NotIn',
  'V1PodFailurePolicyRule.action': 'Count FailIndex FailJob Ignore',
  'V1PersistentVolumeStatus.phase': 'Available Bound Failed Pending Released',
  'V1ModifyVolumeStatus.status': 'InProgress Infeasible Pending',
  'V1PersistentVolumeClaimStatus.phase': 'Bound Lost Pending',
  'V1HostPathVolumeSource.type': ' BlockDevice CharDevice Directory DirectoryOrCreate File FileOrCreate Socket',
  'V1AzureDiskVolumeSource.cachingMode': 'None ReadOnly ReadWrite',
  'V1AzureDiskVolumeSource.kind': 'Dedicated Managed Shared',
  'V1VolumeMount.mountPropagation': 'Bidirectional HostToContainer None',
  'V1Lifecycle.stopSignal': SIGNALS,
  'V1ContainerStatus.stopSignal': SIGNALS,
  'V1ScopedResourceSelectorRequirement.scopeName':
    'BestEffort CrossNamespacePodAffinity NotBestEffort NotTerminating PriorityClass Terminating VolumeAttributesClass',
  'V1ScopedResourceSelectorRequirement.operator': 'DoesNotExist Exists In NotIn',
  'V1ImageVolumeSource.pullPolicy': 'Always IfNotPresent Never',
  'V1DeviceTaint.effect': 'NoExecute NoSchedule None',
  'V1ExactDeviceRequest.allocationMode': 'All ExactCount',
  'V1DeviceSubRequest.allocationMode': 'All ExactCount',
  'V1DeviceToleration.operator': 'Equal Exists',
  'V1DeviceToleration.effect': 'NoExecute NoSchedule None',
  'V1DeviceAllocationConfiguration.source': 'FromClaim FromClass',
};

export function enumOf(type: string, field: string): readonly string[] | undefined {
  return VALUES[`${type}.${field}`]?.split(' ');
}
