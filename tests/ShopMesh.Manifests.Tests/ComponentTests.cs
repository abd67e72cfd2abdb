using System.Text.Json;
using System.Text.RegularExpressions;
using k8s.Models;
using Npgsql;
using ShopMesh.Hosting;

namespace ShopMesh.Manifests.Tests;

/// <summary>What each component promises in its README.</summary>
public sealed partial class ComponentTests
{
    /// <summary>Of PostgreSQL, for as long as nobody says otherwise; three of them are kept for superusers.</summary>
    private const int StockConnections = 100;

    private static readonly string[] AutoscaledRenderings = ["overlays/dev + autoscaling", "overlays/production"];

    private static readonly string[] PartsOfPipelines = ["receivers", "processors", "exporters"];

    public static TheoryData<string> Autoscaled => [.. AutoscaledRenderings];

    [Theory, MemberData(nameof(Autoscaled))]
    public void Every_service_is_scaled_from_two_pods_by_its_processor_time(string name)
    {
        var rendering = Rendering.Of(name);
        var scalers = rendering.All<V2HorizontalPodAutoscaler>().ToList();
        Assert.Equal(Topology.Services.Select(service => service.Name).Order(), scalers.Select(scaler => scaler.Name()).Order());
        Assert.All(scalers, scaler =>
        {
            Assert.Equivalent(new V2CrossVersionObjectReference { ApiVersion = "apps/v1", Kind = "Deployment", Name = scaler.Name() }, scaler.Spec.ScaleTargetRef);
            Assert.True(scaler.Spec.MinReplicas >= 2 && scaler.Spec.MaxReplicas > scaler.Spec.MinReplicas);
            Assert.True(scaler.Spec.Metrics is [{ Type: "Resource", Resource: { Name: "cpu", Target: { Type: "Utilization", AverageUtilization: > 0 and < 100 } } }]);
            Assert.All(scaler.Spec.Behavior.ScaleUp.Policies.Concat(scaler.Spec.Behavior.ScaleDown.Policies), policy => Assert.True(policy is { Type: "Percent" or "Pods", Value: > 0, PeriodSeconds: > 0 }));
            // Else each apply would set it back.
            Assert.Null(rendering.Single<V1Deployment>(scaler.Name()).Spec.Replicas);
        });
    }

    /// <summary>During a rollout there is one pod more.</summary>
    [Theory, MemberData(nameof(Autoscaled))]
    public void A_database_takes_the_connections_of_as_many_pods_as_there_may_be(string name) => Assert.All(Topology.Services.Where(service => service.HasDatabase), service =>
    {
        var rendering = Rendering.Of(name);
        var connection = rendering.Single<V1Deployment>(service.Name).Spec.Template.Spec.Containers.Single().Env.Single(variable => variable.Name == "ConnectionStrings__Database").Value;
        var pods = rendering.Single<V2HorizontalPodAutoscaler>(service.Name).Spec.MaxReplicas + 1;
        Assert.InRange(pods * new NpgsqlConnectionStringBuilder(connection).MaxPoolSize, 1, ConnectionsOf(rendering.Single<V1StatefulSet>($"{service.Name}-database")) - 3);
    });

    [Fact]
    public void A_node_that_is_drained_takes_one_pod_of_a_service_at_a_time_and_databases_are_not_in_its_way()
    {
        var rendering = Rendering.Of("overlays/dev + availability");
        Assert.Equal(Topology.Services.Select(service => service.Name).Order(), rendering.All<V1PodDisruptionBudget>().Select(budget => budget.Name()).Order());
        Assert.All(rendering.All<V1PodDisruptionBudget>(), budget =>
        {
            Assert.True(budget.Spec is { MaxUnavailable.Value: "1", MinAvailable: null });
            Assert.Equal($"Deployment {budget.Name()}", $"{Assert.Single(rendering.Workloads, workload => budget.Spec.Selector.Selects(workload.Labels))}");
        });
    }

    [Fact]
    public void A_services_pods_are_spread_over_zones_and_nodes() => Assert.All(Topology.Services, service =>
    {
        var rendering = Rendering.Of("overlays/dev + availability");
        var constraints = rendering.Single<V1Deployment>(service.Name).Spec.Template.Spec.TopologySpreadConstraints;
        Assert.Equal(["kubernetes.io/hostname", "topology.kubernetes.io/zone"], constraints.Select(constraint => constraint.TopologyKey).Order(StringComparer.Ordinal));
        Assert.All(constraints, constraint =>
        {
            Assert.True(constraint is { MaxSkew: 1, WhenUnsatisfiable: "ScheduleAnyway" });
            Assert.Equal($"Deployment {service.Name}", $"{Assert.Single(rendering.Workloads, workload => constraint.LabelSelector.Selects(workload.Labels))}");
        });
    });

    [Fact]
    public void The_ingress_leads_to_the_gateway_and_ends_TLS_for_its_host()
    {
        var rendering = Rendering.Of("overlays/dev + ingress");
        var ingress = Assert.Single(rendering.All<V1Ingress>());
        var rule = Assert.Single(ingress.Spec.Rules);
        Assert.Equal([rule.Host], Assert.Single(ingress.Spec.Tls).Hosts);
        var path = Assert.Single(rule.Http.Paths);
        Assert.True(path is { Path: "/", PathType: "Prefix", Backend.Service.Name: Topology.Gateway });
        Assert.Contains(rendering.Single<V1Service>(Topology.Gateway).Spec.Ports, port => port.Name == path.Backend.Service.Port.Name);
        Assert.Contains($"create secret tls {ingress.Spec.Tls[0].SecretName} ", Sources.Read("k8s/components/ingress/README.md"), StringComparison.Ordinal);
    }

    [Fact]
    public void Each_claim_finds_a_volume_of_its_own()
    {
        var rendering = Rendering.Of("overlays/dev + static-volumes");
        var volumes = rendering.All<V1PersistentVolume>().ToList();
        var storage = Assert.Single(rendering.All<V1StorageClass>());
        Assert.True(storage is { Provisioner: "kubernetes.io/no-provisioner", VolumeBindingMode: "WaitForFirstConsumer" });
        Assert.All(rendering.All<V1StatefulSet>(), set =>
        {
            var claim = set.Spec.VolumeClaimTemplates.Single().Spec;
            var volume = Assert.Single(volumes, volume => claim.Selector.Selects(volume.Labels()));
            Assert.Equal($"shopmesh-{set.Name()}", volume.Name());
            Assert.Equal((storage.Name(), storage.Name()), (claim.StorageClassName, volume.Spec.StorageClassName));
            Assert.Equal(claim.AccessModes, volume.Spec.AccessModes);
            Assert.True(volume.Spec.Capacity["storage"].ToDecimal() >= claim.Resources.Requests["storage"].ToDecimal());
            Assert.Equal("Retain", volume.Spec.PersistentVolumeReclaimPolicy);
        });

        // Its README makes their folders, and labels the node that has them.
        var readme = Sources.Read("k8s/components/static-volumes/README.md");
        var label = Assert.Single(volumes.Select(volume => Assert.Single(Assert.Single(volume.Spec.NodeAffinity.Required.NodeSelectorTerms).MatchExpressions)).Select(wanted => (wanted.Key, wanted.OperatorProperty)).Distinct());
        Assert.Equal("Exists", label.OperatorProperty);
        Assert.Contains($"kubectl label node NODE {label.Key}=", readme, StringComparison.Ordinal);
        var folders = MadeFolders().Match(readme);
        Assert.Equal(volumes.Select(volume => volume.Spec.Local.Path).Order(), folders.Groups[2].Value.Split(',').Select(name => $"{folders.Groups[1].Value}/{name}").Order());
    }

    [Fact]
    public void What_services_tell_of_themselves_goes_to_the_collector_and_from_there_to_the_viewer()
    {
        var rendering = Rendering.Of("overlays/dev + observability");
        var config = Assert.Single(Yaml.Documents(rendering.ConfigMap("collector")["config.yaml"]));
        AssertListens(rendering, new Uri(rendering.ConfigMap("shopmesh")["OTEL_EXPORTER_OTLP_ENDPOINT"]), "collector", "otlp");
        AssertListens(rendering, new Uri($"http://{config["exporters"]!["otlp"]!["endpoint"]}"), "viewer", "otlp");

        var ports = Workload.From(rendering.Single<V1Deployment>("collector"))!.Ports;
        Assert.Equal($"0.0.0.0:{ports["otlp"]}", (string?)config["receivers"]!["otlp"]!["protocols"]!["grpc"]!["endpoint"]);
        Assert.Equal($"0.0.0.0:{ports["health"]}", (string?)config["extensions"]!["health_check"]!["endpoint"]);

        // Whatever a pipeline names is configured, and whatever is configured is in use.
        var pipelines = config["service"]!["pipelines"]!.AsObject();
        Assert.Equal(["logs", "metrics", "traces"], pipelines.Select(pipeline => pipeline.Key).Order(StringComparer.Ordinal));
        Assert.All(PartsOfPipelines, kind => Assert.All(pipelines, pipeline =>
            Assert.Equal(config[kind]!.AsObject().Select(part => part.Key), pipeline.Value![kind]!.Deserialize<string[]>()!)));
        Assert.Equal(config["extensions"]!.AsObject().Select(part => part.Key), config["service"]!["extensions"]!.Deserialize<string[]>()!);

        var container = rendering.Single<V1Deployment>("collector").Spec.Template.Spec.Containers.Single();
        Assert.Equal($"--config={container.VolumeMounts.Single().MountPath}/config.yaml", Assert.Single(container.Args));
    }

    [Fact]
    public void The_load_comes_in_by_the_gateway_with_options_that_it_has()
    {
        var rendering = Rendering.Of("overlays/dev + load");
        var job = rendering.Single<V1Job>("load");
        Assert.True(job.Spec is { BackoffLimit: 0, Template.Spec.RestartPolicy: "Never" });
        var arguments = job.Spec.Template.Spec.Containers.Single().Args;
        var program = Sources.Read("tests/ShopMesh.Load/LoadArguments.cs") + Sources.Read("tests/ShopMesh.Load/Program.cs");
        Assert.All(arguments.Where(argument => argument.StartsWith("--", StringComparison.Ordinal)), option => Assert.Contains($"\"{option}\"", program, StringComparison.Ordinal));
        AssertListens(rendering, new Uri(arguments[arguments.IndexOf("--url") + 1]), Topology.Gateway, "public");
    }

    private static void AssertListens(Rendering rendering, Uri address, string workload, string port)
    {
        var service = rendering.Single<V1Service>(address.Host);
        Assert.Equal($"Deployment {workload}", $"{Assert.Single(rendering.Workloads, service.Selects)}");
        Assert.Equal(port, Assert.Single(service.Spec.Ports, known => known.Port == address.Port).TargetPort.Value);
    }

    private static int ConnectionsOf(V1StatefulSet database) =>
        MaxConnections().Match(string.Join(' ', database.Spec.Template.Spec.Containers.Single().Args ?? [])) is { Success: true } match ? int.Parse(match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture) : StockConnections;

    [GeneratedRegex(@"^-c max_connections=(\d+)$")]
    private static partial Regex MaxConnections();

    [GeneratedRegex(@"mkdir -p (\S+)/\{([a-z,]+)\}")]
    private static partial Regex MadeFolders();
}
