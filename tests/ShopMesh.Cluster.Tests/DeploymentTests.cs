namespace ShopMesh.Cluster.Tests;

/// <summary>Deployments: as many pods as wanted, and another version without a lost request.</summary>
public sealed class DeploymentTests(ShopOnCluster shop)
{
    /// <summary>What <c>./shopmesh k8s images --version next</c> has brought to the cluster.</summary>
    private const string OtherVersion = "next";

    private const double Rate = 110;

    [Fact]
    public async Task A_deleted_pod_is_replaced()
    {
        var before = await shop.ReadyPodsAsync("shipping");
        await ShopOnCluster.KubectlAsync($"delete pod {before[0].Metadata.Name} --wait=false");
        await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(60), async () =>
        {
            var now = await shop.ReadyPodsAsync("shipping");
            return now.Count == before.Count && now.All(pod => pod.Metadata.Name != before[0].Metadata.Name);
        });
    }

    [Fact]
    public async Task A_rolling_restart_and_a_rollout_of_another_version_of_every_service_lose_no_request()
    {
        var images = new Dictionary<string, string>();
        await using var load = await shop.LoadAsync(Rate);
        foreach (var service in ShopOnCluster.Services)
        {
            await ShopOnCluster.KubectlAsync($"rollout restart deployment/{service}");
            await ShopOnCluster.RolledOutAsync(service);

            images[service] = (await ShopOnCluster.KubectlAsync($"get deployment/{service} -o jsonpath={{.spec.template.spec.containers[0].image}}")).Trim();
            Assert.DoesNotContain(images[service], image => image.ToString() == OtherVersion);
            await ShopOnCluster.KubectlAsync($"set image deployment/{service} *={images[service][..images[service].LastIndexOf(':')]}:{OtherVersion}");
            await ShopOnCluster.RolledOutAsync(service);
            foreach (var pod in await shop.ReadyPodsAsync(service))
                Assert.Equal(OtherVersion, await ShopOnCluster.AskAsync(pod.Metadata.Name, "/health/live", service == "gateway" ? 8082 : 8080));
        }

        await RunningShop.EventuallyAsync(TimeSpan.FromMinutes(5), () => Task.FromResult(load.Requests >= 20_000));
        var report = await load.StopAsync();
        TestContext.Current.TestOutputHelper!.WriteLine(report.ToString());

        Assert.True(report.Failures.Count == 0, report.ToString());
        Assert.True(report.Rate >= 100, report.ToString());
        Assert.True(report.Slowest < TimeSpan.FromSeconds(5), report.ToString());
        await shop.ShouldPassTheAuditAsync(report.Orders);

        foreach (var service in ShopOnCluster.Services)
            await ShopOnCluster.KubectlAsync($"set image deployment/{service} *={images[service]}");
        await ShopOnCluster.SettleAsync();
        // All at once, unlike the rollouts: not what the next test is to begin with.
        await shop.WarmUpAsync();
    }

    [Fact]
    public async Task A_version_that_never_becomes_ready_takes_no_request_and_is_rolled_back()
    {
        await using var load = await shop.LoadAsync(Rate);
        var before = (await shop.ReadyPodsAsync("catalog")).Select(pod => pod.Metadata.Name).Order().ToList();

        // It knows no password that its database takes.
        await ShopOnCluster.KubectlAsync("set env deployment/catalog --containers=catalog ConnectionStrings__Database=Host=catalog-database;Username=nobody;Password=wrong");
        await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(60), async () =>
            (await shop.PodsAsync(ShopOnCluster.Of("catalog"))).Any(pod => (pod.Status.ContainerStatuses ?? []).Any(container => container is { Ready: false, State.Running: not null })));
        await ShopOnCluster.AnsweredAsync(load, (int)(15 * Rate));
        Assert.Equal(before, (await shop.ReadyPodsAsync("catalog")).Select(pod => pod.Metadata.Name).Order());

        await ShopOnCluster.KubectlAsync("rollout undo deployment/catalog");
        await ShopOnCluster.RolledOutAsync("catalog");
        Assert.Equal(before, (await shop.ReadyPodsAsync("catalog")).Select(pod => pod.Metadata.Name).Order());
        var report = await load.StopAsync();
        TestContext.Current.TestOutputHelper!.WriteLine(report.ToString());
        Assert.True(report.Failures.Count == 0, report.ToString());
    }
}
