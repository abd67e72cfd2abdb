using ShopMesh.Hosting;

namespace ShopMesh.Cluster.Tests;

/// <summary>Network policies: every edge of the mesh connects, and nothing else does.</summary>
public sealed class PolicyTests(ShopOnCluster shop)
{
    private const int Http = 8080, Grpc = 8081, Operations = 8082, Postgres = 5432;

    /// <summary>A pod that is no part of the shop.</summary>
    private static readonly Pod Stranger = new("a", "stranger");

    private static readonly Pod Prometheus = new("prometheus", "telescope");

    [Fact]
    public async Task Every_edge_of_the_mesh_connects_and_every_other_pair_of_pods_is_refused()
    {
        Assert.SkipWhen((await ShopOnCluster.KubectlAsync("get networkpolicies -o name")).Length == 0, "The shop runs without network policies: './shopmesh k8s up --with network-policies' adds them.");
        var addresses = await AddressesAsync();
        Pod[] sources = [.. addresses.Keys.Select(target => target.Pod).Distinct(), Stranger, Prometheus];
        await ShopOnCluster.KubectlAsync(["apply", "-f", "-"], string.Join("\n---\n", sources.Select(ManifestOf)));
        try
        {
            await ShopOnCluster.KubectlAsync(["wait", "--for=condition=Initialized", "pods", "-l", "shopmesh/stands-in", "--timeout=60s"]);
            await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(60), async () => (await shop.PodsAsync("shopmesh/stands-in")).All(pod => pod.Status.Phase == "Running"));
            var wrong = new List<string>();
            var (open, refused) = (0, 0);
            foreach (var source in sources)
            {
                Target[] allowed = [.. addresses.Keys.Where(target => MayConnect(source, target))];
                // A new pod's policies may take a moment to be in force.
                HashSet<Target> reached = [];
                await Task.WhenAny(
                    RunningShop.EventuallyAsync(TimeSpan.FromSeconds(45), async () => (reached = await ReachedAsync(source, addresses)).SetEquals(allowed)),
                    Task.Delay(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
                wrong.AddRange(allowed.Except(reached).Select(target => $"{source} cannot connect to {target}"));
                wrong.AddRange(reached.Except(allowed).Select(target => $"{source} can connect to {target}"));
                open += allowed.Length;
                refused += addresses.Count - allowed.Length;
                if (!await LooksUpAsync(source))
                    wrong.Add($"{source} finds no name");
            }

            TestContext.Current.TestOutputHelper!.WriteLine($"{sources.Length} pods: {open} edges connect, {refused} are refused");
            Assert.True(wrong.Count == 0, string.Join(Environment.NewLine, wrong));
        }
        finally
        {
            await ShopOnCluster.KubectlAsync("delete pods -l shopmesh/stands-in --grace-period=0 --force");
        }
    }

    /// <summary>The table of the mesh: who calls whom, and whose a database is.</summary>
    private static bool MayConnect(Pod source, Target target) => (source.Component, target.Pod.Component, target.Port) switch
    {
        // The one way in is open to whoever may call at all.
        _ when source == Stranger => target is { Pod.Name: Topology.Gateway, Port: Http },
        _ when source == Prometheus => target.Pod.Component == "service" && target.Port == (target.Pod.Name == Topology.Gateway ? Operations : Http) || target is { Pod.Name: Topology.Gateway, Port: Http },
        // The key set, and tokens of one's own.
        ("service", "service", Http) => target.Pod.Name == "identity" && source.Name != Topology.Gateway,
        ("service", "service", Grpc) => source.Name == Topology.Gateway ? target.Pod.Name != Topology.Gateway : Topology.Service(source.Name).Calls.Contains(target.Pod.Name),
        ("service", "database", Postgres) => source.Name == target.Pod.Name,
        _ => false,
    };

    /// <summary>Every port that something in the shop listens on, at a pod's own address.</summary>
    private async Task<Dictionary<Target, string>> AddressesAsync()
    {
        var addresses = new Dictionary<Target, string>();
        foreach (var service in Topology.Services)
        {
            var ip = (await shop.ReadyPodsAsync(service.Name))[0].Status.PodIP;
            foreach (var port in service.IsGateway ? (int[])[Http, Operations] : [Http, Grpc])
                addresses[new(new(service.Name, "service"), port)] = ip;
        }

        foreach (var database in ShopOnCluster.Databases)
            addresses[new(new(database, "database"), Postgres)] = (await shop.PodsAsync($"app.kubernetes.io/name={database},app.kubernetes.io/component=database")).Single().Status.PodIP;
        return addresses;
    }

    private static async Task<HashSet<Target>> ReachedAsync(Pod source, Dictionary<Target, string> addresses)
    {
        var byAddress = addresses.ToDictionary(pair => $"{pair.Value}/{pair.Key.Port}", pair => pair.Key);
        const string connect = """for to in "$@"; do (timeout 3 bash -c "exec 3<>/dev/tcp/$to" 2> /dev/null && echo "$to") & done; wait""";
        var output = await ShopOnCluster.KubectlAsync(["exec", source.StandIn, "--", "bash", "-c", connect, "bash", .. byAddress.Keys]);
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => byAddress[line])];
    }

    private static async Task<bool> LooksUpAsync(Pod source) =>
        (await ShopOnCluster.KubectlAsync(["exec", source.StandIn, "--", "bash", "-c", "getent hosts catalog || true"])).Length > 0;

    /// <summary>
    /// A pod with the labels of the real one, by which policies know it, and with a shell, which the shop's images do not have.
    /// It is never ready: no Service sends it anything.
    /// </summary>
    private static string ManifestOf(Pod pod) => $$"""
        apiVersion: v1
        kind: Pod
        metadata:
          name: {{pod.StandIn}}
          labels:
            app.kubernetes.io/name: {{pod.Name}}
            app.kubernetes.io/component: {{pod.Component}}
            {{(pod == Stranger || pod == Prometheus ? "app.kubernetes.io/managed-by" : "app.kubernetes.io/part-of")}}: shopmesh
            shopmesh/stands-in: "true"
        spec:
          automountServiceAccountToken: false
          securityContext: { runAsNonRoot: true, runAsUser: 999, seccompProfile: { type: RuntimeDefault } }
          containers:
            - name: shell
              image: postgres:17
              command: [sleep, "600"]
              readinessProbe: { exec: { command: ["false"] }, periodSeconds: 300 }
              securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: [ALL] } }
        """;

    private sealed record Pod(string Name, string Component)
    {
        public string StandIn => $"stand-in-{Name}-{Component}";

        public override string ToString() => $"{Name} ({Component})";
    }

    private sealed record Target(Pod Pod, int Port)
    {
        public override string ToString() => $"{Pod}:{Port}";
    }
}
