namespace ShopMesh.Cluster.Tests;

/// <summary>Services: one name that stays, whatever pods are behind it, and load that is spread over them.</summary>
public sealed class ServiceTests(ShopOnCluster shop)
{
    private static readonly TimeSpan UntilEven = TimeSpan.FromSeconds(10);

    /// <summary>
    /// The gateway takes the better of two pods that it picks at random. Of so many requests chance alone gives one of four pods
    /// 25 ± 0.6 % (standard deviation), which is a quarter of what is allowed.
    /// </summary>
    private const int Enough = 5_000;

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
        try
        {
            foreach (var service in services)
                await ShopOnCluster.ScaleAsync(service, 1);
            await using var load = await shop.LoadAsync(rate: 250, new(Browse: 12, Basket: 1, Order: 1));
            await ShopOnCluster.AnsweredAsync(load, 1_000);

            foreach (var service in services)
                await ShopOnCluster.KubectlAsync($"scale deployment/{service} --replicas=4");
            foreach (var service in services)
                await ShopOnCluster.RolledOutAsync(service);
            await Task.Delay(UntilEven, TestContext.Current.CancellationToken);

            var first = await CountAsync(services);
            var last = first;
            await RunningShop.EventuallyAsync(TimeSpan.FromMinutes(5), async () =>
            {
                await ShopOnCluster.AnsweredAsync(load, 2_500);
                last = await CountAsync(services);
                return services.All(service => last[service].Values.Sum(pod => pod.Http) - first[service].Values.Sum(pod => pod.Http) >= Enough);
            });
            var report = await load.StopAsync();
            Assert.True(report.Failures.Count == 0, report.ToString());

            foreach (var service in services)
            {
                Assert.Equal(4, last[service].Count);
                ShouldBeEven($"{service} over HTTP", [.. last[service].Select(pod => pod.Value.Http - first[service][pod.Key].Http)]);
                ShouldBeEven($"{service} over gRPC", [.. last[service].Select(pod => pod.Value.Grpc - first[service][pod.Key].Grpc)]);
            }
        }
        finally
        {
            foreach (var service in services)
                await ShopOnCluster.ScaleAsync(service, ShopOnCluster.Replicas);
        }

        static void ShouldBeEven(string what, IReadOnlyList<double> requests)
        {
            TestContext.Current.TestOutputHelper!.WriteLine($"{what}: {string.Join(", ", requests.Select(count => $"{count} ({count / requests.Sum():0.0 %})"))}");
            Assert.All(requests, count => Assert.InRange(count / requests.Sum(), 0.225, 0.275));
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
