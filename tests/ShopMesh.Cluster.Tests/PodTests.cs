using k8s.Models;

namespace ShopMesh.Cluster.Tests;

/// <summary>Pods: what runs, as it may; what is killed comes back.</summary>
public sealed class PodTests(ShopOnCluster shop)
{
    private static readonly TimeSpan Chaos = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan BetweenKills = TimeSpan.FromSeconds(3);

    [Fact]
    public void No_container_was_restarted_on_the_way_to_a_running_shop() => Assert.All(shop.RestartsAtFirst, pod => Assert.True(pod.Value == 0, $"{pod.Key} was restarted {pod.Value} times."));

    /// <summary>The restricted profile of the Pod Security Standards, also where a cluster is too old to enforce it.</summary>
    [Fact]
    public async Task Every_container_runs_under_the_restricted_profile()
    {
        foreach (var pod in await shop.PodsAsync())
        {
            Assert.True(pod.Spec.SecurityContext.RunAsNonRoot, pod.Name());
            Assert.Equal("RuntimeDefault", pod.Spec.SecurityContext.SeccompProfile.Type);
            Assert.False(pod.Spec.AutomountServiceAccountToken ?? true, pod.Name());
            Assert.Null(pod.Spec.HostNetwork);
            Assert.All(pod.Spec.Volumes ?? [], volume => Assert.True(volume.EmptyDir is not null || volume.PersistentVolumeClaim is not null || volume.ConfigMap is not null || volume.Secret is not null, volume.Name));
            foreach (var container in (pod.Spec.InitContainers ?? []).Concat(pod.Spec.Containers))
            {
                Assert.False(container.SecurityContext.AllowPrivilegeEscalation ?? true, container.Name);
                Assert.True(container.SecurityContext.ReadOnlyRootFilesystem, container.Name);
                Assert.Equal(["ALL"], container.SecurityContext.Capabilities.Drop);
                Assert.Null(container.SecurityContext.Capabilities.Add);
            }
        }
    }

    [Fact]
    public async Task A_killed_container_comes_back_in_its_pod()
    {
        var before = (await shop.PodsAsync("app.kubernetes.io/name=catalog,app.kubernetes.io/component=database")).Single();
        var restarts = before.Status.ContainerStatuses.Single().RestartCount;

        // As a crash does it: PostgreSQL goes down without a checkpoint.
        await ShopOnCluster.KubectlAsync("exec catalog-database-0 -- kill -QUIT 1");

        await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(60), async () =>
        {
            var now = (await shop.PodsAsync("app.kubernetes.io/name=catalog,app.kubernetes.io/component=database")).Single();
            Assert.Equal(before.Uid(), now.Uid());
            return now.Status.ContainerStatuses.Single() is { Ready: true } container && container.RestartCount == restarts + 1;
        });
        await shop.ServesAsync();
    }

    /// <summary>Of the services and the gateway; never a database, and never the last ready pod of one.</summary>
    [Fact]
    public async Task Pods_that_are_killed_at_random_are_replaced_and_nothing_acknowledged_is_lost()
    {
        await ShopOnCluster.ScaleAsync("gateway", 3);
        await shop.WarmUpAsync();
        await using var load = await shop.LoadAsync(rate: 100);
        var end = DateTimeOffset.UtcNow + Chaos;
        var lastKill = DateTimeOffset.UtcNow;
        List<string> killed = [];
        while (DateTimeOffset.UtcNow < end)
        {
            await Task.Delay(BetweenKills, TestContext.Current.CancellationToken);
            var candidates = new List<V1Pod>();
            foreach (var service in ShopOnCluster.Services)
            {
                var ready = await shop.ReadyPodsAsync(service);
                if (ready.Count > 1)
                    candidates.AddRange(ready);
            }

            if (candidates.Count == 0)
                continue;
#pragma warning disable CA5394 // Nothing here is secret.
            var victim = candidates[Random.Shared.Next(candidates.Count)].Name();
#pragma warning restore CA5394
            await ShopOnCluster.KubectlAsync($"delete pod {victim} --grace-period=0 --force");
            killed.Add(victim);
            lastKill = DateTimeOffset.UtcNow;
        }

        // As many as 15 s bring: enough to see that it is over.
        await ShopOnCluster.AnsweredAsync(load, 1_500);
        var report = await load.StopAsync();
        TestContext.Current.TestOutputHelper!.WriteLine($"{killed.Count} pods killed: {string.Join(", ", killed.CountBy(pod => pod.Split('-')[0]).Select(pair => $"{pair.Value} {pair.Key}"))}");
        TestContext.Current.TestOutputHelper!.WriteLine(report.ToString());

        Assert.True(killed.Count >= 30, $"Only {killed.Count} pods were killed.");
        Assert.True(report.Failures.Count < report.Requests * 0.005, report.ToString());
        Assert.All(report.Failures, failure => Assert.True(failure.Kind is Load.FailureKind.Connection || failure.Status is 502 or 503 or 504, failure.ToString()));
        Assert.All(report.Failures, failure => Assert.True(failure.At < lastKill + TimeSpan.FromSeconds(5), failure.ToString()));
        await ShopOnCluster.SettleAsync();
        await shop.ShouldPassTheAuditAsync(report.Orders);
        await ShopOnCluster.ScaleAsync("gateway", ShopOnCluster.Replicas);
    }
}
