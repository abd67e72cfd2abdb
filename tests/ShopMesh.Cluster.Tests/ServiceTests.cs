namespace ShopMesh.Cluster.Tests;

/// <summary>Services: one name that stays, whatever pods are behind it, and load that is spread over them.</summary>
public sealed class ServiceTests(ShopOnCluster shop)
{
    private static readonly TimeSpan UntilEven = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task The_name_stays_while_every_pod_behind_it_is_replaced()
    {
        var before = await EndpointsAsync("catalog");
        var address = (await ShopOnCluster.KubectlAsync("get service/gateway -o jsonpath={.spec.clusterIP}")).Trim();
        await using var load = await shop.LoadAsync(rate: 50);

        await ShopOnCluster.KubectlAsync("rollout restart deployment/catalog deployment/gateway");
        await ShopOnCluster.RolledOutAsync("catalog");
        await ShopOnCluster.RolledOutAsync("gateway");

        // Those that are leaving are no longer among them.
        await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(10), async () => (await EndpointsAsync("catalog")).Length == ShopOnCluster.Replicas);
        Assert.Empty(before.Intersect(await EndpointsAsync("catalog")));
        Assert.Equal(address, (await ShopOnCluster.KubectlAsync("get service/gateway -o jsonpath={.spec.clusterIP}")).Trim());
        var report = await load.StopAsync();
        Assert.True(report.Failures.Count == 0, report.ToString());
    }

    [Fact]
    public async Task Load_spreads_evenly_over_pods_that_came_later_over_HTTP_and_over_gRPC()
    {
        string[] services = ["catalog", "inventory"];
        foreach (var service in services)
            await ShopOnCluster.ScaleAsync(service, 1);
        await using var load = await shop.LoadAsync(rate: 150, new(Browse: 6, Basket: 3, Order: 2));
        var seen = load.Requests;
        await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(60), () => Task.FromResult(load.Requests > seen + 500));

        foreach (var service in services)
            await ShopOnCluster.KubectlAsync($"scale deployment/{service} --replicas=4");
        foreach (var service in services)
            await ShopOnCluster.RolledOutAsync(service);
        await Task.Delay(UntilEven, TestContext.Current.CancellationToken);

        var first = await CountAsync(services);
        seen = load.Requests;
        // As many as it takes for chance to have no say: the gateway picks the better of two pods at random.
        await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(120), () => Task.FromResult(load.Requests > seen + 9_000));
        var last = await CountAsync(services);
        var report = await load.StopAsync();
        Assert.True(report.Failures.Count == 0, report.ToString());

        foreach (var service in services)
        {
            Assert.Equal(4, last[service].Count);
            Share("HTTP", service, pod => last[service][pod].Http - first[service][pod].Http);
            Share("gRPC", service, pod => last[service][pod].Grpc - first[service][pod].Grpc);
        }

        foreach (var service in services)
            await ShopOnCluster.ScaleAsync(service, ShopOnCluster.Replicas);

        void Share(string how, string service, Func<string, double> requests)
        {
            var counts = last[service].Keys.Select(requests).ToList();
            TestContext.Current.TestOutputHelper!.WriteLine($"{service} over {how}: {string.Join(", ", counts.Select(count => $"{count} ({count / counts.Sum():0.0 %})"))}");
            Assert.All(counts, count => Assert.InRange(count / counts.Sum(), 0.225, 0.275));
        }
    }

    private async Task<Dictionary<string, Dictionary<string, (double Http, double Grpc)>>> CountAsync(IEnumerable<string> services)
    {
        var counts = new Dictionary<string, Dictionary<string, (double, double)>>();
        foreach (var service in services)
        {
            counts[service] = [];
            foreach (var pod in await shop.ReadyPodsAsync(service))
                counts[service][pod.Metadata.Name] = await ShopOnCluster.RequestsAsync(pod.Metadata.Name);
        }

        return counts;
    }

    private static async Task<string[]> EndpointsAsync(string service) =>
        (await ShopOnCluster.KubectlAsync($"get endpoints/{service} -o jsonpath={{.subsets[*].addresses[*].ip}}")).Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
