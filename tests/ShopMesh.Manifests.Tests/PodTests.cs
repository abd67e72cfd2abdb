using k8s.Models;

namespace ShopMesh.Manifests.Tests;

/// <summary>What holds for every pod: services, databases, jobs and what components add.</summary>
public sealed class PodTests
{
    [Fact]
    public void A_pod_is_within_the_restricted_profile()
    {
        Every.Workload(workload => workload.Pod.SecurityContext.RunAsNonRoot == true && workload.Pod.SecurityContext.RunAsUser > 0 && workload.Pod.SecurityContext.RunAsGroup > 0);
        Every.Workload(workload => workload.Pod.SecurityContext.SeccompProfile.Type == "RuntimeDefault");
        Every.Workload(workload => workload.Pod.HostNetwork != true && workload.Pod.HostPID != true && workload.Pod.HostIPC != true);
        Every.Workload(workload => (workload.Pod.Volumes ?? Array.Empty<V1Volume>()).All(volume => volume.EmptyDir != null || volume.ConfigMap != null));
        Every.Container(container => container.SecurityContext.AllowPrivilegeEscalation == false && container.SecurityContext.Privileged != true);
        Every.Container(container => container.SecurityContext.Capabilities.Drop.Single() == "ALL" && container.SecurityContext.Capabilities.Add == null);
        // What a container says itself would take the place of what its pod says.
        Every.Container(container => container.SecurityContext.RunAsNonRoot == null && container.SecurityContext.RunAsUser == null && container.SecurityContext.SeccompProfile == null);
        Every.Container(container => (container.Ports ?? Array.Empty<V1ContainerPort>()).All(port => port.HostPort == null));
    }

    [Fact]
    public void Its_root_file_system_is_read_only() => Every.Container(container => container.SecurityContext.ReadOnlyRootFilesystem == true);

    [Fact]
    public void It_has_no_token_for_the_API_server()
    {
        Every.Workload(workload => workload.Pod.AutomountServiceAccountToken == false);
        Every.Holds("automountServiceAccountToken: false", rendering => rendering.All<V1ServiceAccount>().Select(account => new Case(account.Name(), () => account.AutomountServiceAccountToken == false)));
    }

    [Fact]
    public void Its_memory_is_limited_and_its_processor_is_not()
    {
        Every.Container(container => container.Resources.Requests["cpu"].ToDecimal() > 0 && container.Resources.Requests["memory"].ToDecimal() > 0);
        Every.Container(container => container.Resources.Limits.Keys.Single() == "memory");
        Every.Container(container => container.Resources.Limits["memory"].ToDecimal() > container.Resources.Requests["memory"].ToDecimal());
    }
}
