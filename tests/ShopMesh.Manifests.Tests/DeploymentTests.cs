using System.Globalization;
using k8s.Models;
using ShopMesh.Hosting;

namespace ShopMesh.Manifests.Tests;

/// <summary>The rules for every Deployment; and for those of the services what the code says of them.</summary>
public sealed class DeploymentTests
{
    [Fact]
    public void There_is_one_for_every_service() =>
        Assert.Equal(Topology.Services.Select(service => service.Name).Order(), Rendering.Of("base").All<V1Deployment>().Select(deployment => deployment.Name()).Order());

    [Fact]
    public void A_rollout_takes_no_pod_away_before_another_has_taken_over()
    {
        Every.Deployment(deployment => deployment.Spec.Strategy.Type == null || deployment.Spec.Strategy.Type == "RollingUpdate");
        Every.Deployment(deployment => deployment.Spec.Strategy.RollingUpdate.MaxUnavailable.Value == "0" && deployment.Spec.Strategy.RollingUpdate.MaxSurge.Value == "1");
        Every.Deployment(deployment => deployment.Spec.MinReadySeconds > 0);
        Every.Deployment(deployment => deployment.Spec.RevisionHistoryLimit > 0 && deployment.Spec.RevisionHistoryLimit <= 5);
    }

    [Fact]
    public void The_kubelet_asks_three_questions_by_HTTP_on_a_named_port() => Every.Deployment(deployment =>
        deployment.Spec.Template.Spec.Containers.All(container => new[] { container.StartupProbe, container.LivenessProbe, container.ReadinessProbe }.All(probe =>
            probe.HttpGet != null && container.Ports.Any(port => port.Name == probe.HttpGet.Port.Value))));

    [Fact]
    public void A_service_is_asked_what_its_code_answers_and_on_the_port_where_it_does()
    {
        Every.Service((service, deployment) => Container(deployment).StartupProbe.HttpGet.Path == "/health/live" && Container(deployment).LivenessProbe.HttpGet.Path == "/health/live");
        Every.Service((service, deployment) => Container(deployment).ReadinessProbe.HttpGet.Path == "/health/ready");
        Assert.Equal(["/health/live", "/health/ready", "/metrics"], Sources.OperationsPaths.Order());
        Every.Service((service, deployment) => Probes(deployment).All(probe => probe.HttpGet.Port.Value == Sources.OperationsPortOf(service)));
    }

    [Fact]
    public void A_slow_start_is_no_reason_for_a_restart()
    {
        Every.Deployment(deployment => deployment.Spec.Template.Spec.Containers.All(container => container.StartupProbe.PeriodSeconds * container.StartupProbe.FailureThreshold >= 60));
        Every.Deployment(deployment => deployment.Spec.Template.Spec.Containers.All(container => container.LivenessProbe.TimeoutSeconds >= 5));
    }

    [Fact]
    public void Its_ports_are_those_that_the_code_listens_on() => Every.Service((service, deployment) =>
        Sources.PortsOf(service).ToHashSet().SetEquals(Container(deployment).Ports.ToDictionary(port => port.Name, port => port.ContainerPort)));

    [Fact]
    public void Its_user_is_the_images() => Every.Service((service, deployment) =>
        deployment.Spec.Template.Spec.SecurityContext.RunAsUser.ToString() == Dockerfile.Of(service).Single("USER") && deployment.Spec.Template.Spec.SecurityContext.RunAsGroup == deployment.Spec.Template.Spec.SecurityContext.RunAsUser);

    [Fact]
    public void It_may_write_to_tmp_alone() => Every.Service((service, deployment) => Workload.From(deployment)!.Containers.All(container => container.VolumeMounts.Single().MountPath == "/tmp"));

    [Fact]
    public void Its_account_is_its_own() => Every.Service((service, deployment) => deployment.Spec.Template.Spec.ServiceAccountName == service.Name);

    [Fact]
    public void Its_schema_is_brought_up_to_date_by_the_same_image_in_the_same_environment() => Every.Service((service, deployment) =>
    {
        var first = deployment.Spec.Template.Spec.InitContainers ?? [];
        return !service.HasDatabase ? first.Count == 0 : first.Single() is { Name: "migrate" } migrate
            && migrate.Args.SequenceEqual(["migrate"]) && migrate.Image == Container(deployment).Image
            && EnvironmentOf(Container(deployment)).IsSubsetOf(EnvironmentOf(migrate));
    });

    [Fact]
    public void It_is_given_the_time_that_its_drain_and_its_longest_request_take()
    {
        var margin = TimeSpan.FromSeconds(5);
        Every.Holds("grace >= drain + longest request + 5 s", rendering => Topology.Services.Select(service => new Case(service.Name, () =>
            TimeSpan.FromSeconds(rendering.Single<V1Deployment>(service.Name).Spec.Template.Spec.TerminationGracePeriodSeconds!.Value) >= DrainOf(rendering) + Sources.LongestRequest + margin)));
        Assert.Equal(Sources.LongestRequest, Sources.ShutdownAfterDrain);
    }

    /// <summary>As long as the cluster's DNS may lag: 5 s, and up to 30 s with CoreDNS's stock cache.</summary>
    [Theory]
    [InlineData("overlays/dev", 8)]
    [InlineData("overlays/dev + slow-dns", 35)]
    [InlineData("overlays/production", 35)]
    public void It_drains_for_as_long_as_its_callers_may_still_come(string rendering, int seconds) => Assert.Equal(TimeSpan.FromSeconds(seconds), DrainOf(Rendering.Of(rendering)));

    private static TimeSpan DrainOf(Rendering rendering) => TimeSpan.ParseExact(rendering.ConfigMap("shopmesh")["Shutdown__Drain"], "c", CultureInfo.InvariantCulture);

    private static V1Container Container(V1Deployment deployment) => deployment.Spec.Template.Spec.Containers.Single();

    private static IEnumerable<V1Probe> Probes(V1Deployment deployment) => [Container(deployment).StartupProbe, Container(deployment).LivenessProbe, Container(deployment).ReadinessProbe];

    private static HashSet<string> EnvironmentOf(V1Container container) =>
    [
        .. container.EnvFrom.Select(source => source.ConfigMapRef.Name),
        .. (container.Env ?? []).Select(variable => $"{variable.Name}={variable.Value}{variable.ValueFrom?.SecretKeyRef?.Name}/{variable.ValueFrom?.SecretKeyRef?.Key}"),
    ];
}
