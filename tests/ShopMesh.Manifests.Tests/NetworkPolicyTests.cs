using k8s.Models;
using ShopMesh.Hosting;

namespace ShopMesh.Manifests.Tests;

/// <summary>The edges of the mesh, and no others, whoever asks.</summary>
public sealed class NetworkPolicyTests
{
    private const string WithEverything = "overlays/dev + load + network-policies + observability";

    private static readonly Peer Dns = new("dns", "kube-system", new Dictionary<string, string> { ["k8s-app"] = "kube-dns" }, new Dictionary<string, int> { ["dns"] = 53, ["metrics"] = 9153 });

    /// <summary>Who is not of the shop: what they may reach, anybody may.</summary>
    private static readonly Peer[] Strangers =
    [
        new("internet", null, new Dictionary<string, string>(), new Dictionary<string, int> { ["https"] = 443 }),
        new("neighbour", "default", new Dictionary<string, string> { ["app.kubernetes.io/name"] = "gateway", ["app.kubernetes.io/component"] = "service", ["app.kubernetes.io/part-of"] = "shopmesh" }, new Dictionary<string, int> { ["http"] = 8080, ["postgres"] = 5432 }),
        new("stranger", "shopmesh", new Dictionary<string, string> { ["app"] = "stranger" }, new Dictionary<string, int> { ["http"] = 8080 }),
        Prometheus,
        Dns,
    ];

    private static Peer Prometheus => new("prometheus", "monitoring", new Dictionary<string, string> { ["app.kubernetes.io/name"] = "prometheus" }, new Dictionary<string, int> { ["http"] = 9090 });

    [Theory]
    [InlineData(WithEverything)]
    [InlineData("overlays/production")]
    public void What_the_shops_pods_may_connect_to_and_who_may_connect_to_them(string name)
    {
        var rendering = Rendering.Of(name);
        var ours = rendering.Workloads.Select(PeerOf).ToList();
        var allowed = new Network([.. rendering.All<V1NetworkPolicy>()]).Connections([.. ours, .. Strangers])
            .Where(connection => ours.Any(peer => connection.StartsWith($"{peer.Name} →", StringComparison.Ordinal) || connection.Contains($"→ {peer.Name}:", StringComparison.Ordinal)))
            .ToHashSet();
        var wanted = Edges().Concat(ours.SelectMany(peer => new[] { $"{peer.Name} → dns:dns", $"{peer.Name} → dns:dns/udp" }))
            .Where(edge => edge.Split(" → ").All(end => ours.Concat(Strangers).Any(peer => peer.Name == end.Split(':')[0])))
            .ToHashSet();

        Assert.Empty(wanted.Except(allowed));
        Assert.Empty(allowed.Except(wanted));
    }

    [Fact]
    public void No_rule_is_for_nothing()
    {
        var rendering = Rendering.Of(WithEverything);
        Assert.Empty(new Network([.. rendering.All<V1NetworkPolicy>()]).Idle([.. rendering.Workloads.Select(PeerOf), Prometheus, Dns]));
    }

    [Fact]
    public void A_pod_without_a_policy_of_its_own_gets_nothing_but_DNS()
    {
        var newcomer = new Peer("newcomer", "shopmesh", new Dictionary<string, string> { ["app.kubernetes.io/part-of"] = "shopmesh" }, new Dictionary<string, int> { ["http"] = 8080 });
        var rendering = Rendering.Of(WithEverything);
        var allowed = new Network([.. rendering.All<V1NetworkPolicy>()]).Connections([.. rendering.Workloads.Select(PeerOf), newcomer, .. Strangers]).Where(connection => connection.Contains(newcomer.Name, StringComparison.Ordinal));
        Assert.Equal(["newcomer → dns:dns", "newcomer → dns:dns/udp"], allowed.Order(StringComparer.Ordinal));
    }

    /// <summary>The table of the architecture.</summary>
    private static IEnumerable<string> Edges()
    {
        foreach (var service in Topology.Services)
        {
            foreach (var called in service.Calls)
                yield return $"{service.Name} → {called}:grpc";
            if (service.HasDatabase)
                yield return $"{service.Name} → {service.Name}-database:postgres";
            if (!service.IsGateway)
            {
                yield return $"gateway → {service.Name}:grpc";
                // The key set, and its own token where it calls others.
                yield return $"{service.Name} → identity:http";
            }

            yield return $"prometheus → {service.Name}:{Sources.OperationsPortOf(service)}";
            yield return $"{service.Name} → collector:otlp";
        }

        yield return "load → gateway:public";
        yield return "collector → viewer:otlp";
        foreach (var anybody in Strangers)
            yield return $"{anybody.Name} → gateway:public";
    }

    private static Peer PeerOf(Workload workload) => new(workload.Name, workload.Object.Namespace(), workload.Labels, workload.Ports);
}
