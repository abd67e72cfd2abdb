using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using ShopMesh.Load;

namespace ShopMesh.Cluster.Tests;

/// <summary>Scaling: more pods do more; and an autoscaler takes and gives back pods as the load comes and goes, without loss.</summary>
public sealed class ScalingTests(ShopOnCluster shop)
{
    private static readonly TimeSpan Measurement = TimeSpan.FromSeconds(30);

    /// <summary>What code the image does not have compiled is compiled by then, and connections are made.</summary>
    private static readonly TimeSpan UntilWarm = TimeSpan.FromSeconds(20);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Throughput_follows_the_number_of_pods_at_a_fixed_share_of_CPU()
    {
        var rates = new List<(int Pods, double Rate)>();
        await ShopOnCluster.KubectlAsync("set env deployment/gateway Cache__Enabled=false Limits__RequestsPerSecond=100000");
        // Its code as the image has it, and no better with time: a twentieth of a core would be minutes in optimising it, and an old pod faster than a new one.
        await ShopOnCluster.KubectlAsync("set env deployment/catalog --containers=catalog DOTNET_TieredCompilation=0");
        await ShopOnCluster.KubectlAsync("set resources deployment/catalog --containers=catalog --limits=cpu=50m");
        try
        {
            await ShopOnCluster.ScaleAsync("gateway", ShopOnCluster.Replicas);
            // Those that leave still have their cache.
            await ShouldBeAsync("gateway", ShopOnCluster.Replicas);
            // There and back, since a machine that others share becomes faster and slower: the mean of each number is of the same moment.
            foreach (var pods in (int[])[1, 2, 4, 2, 1])
            {
                await ShopOnCluster.ScaleAsync("catalog", pods);
                await ShouldBeAsync("catalog", pods);
                await SaturateAsync(pods, UntilWarm);
                rates.Add((pods, await ThroughputAsync(pods)));
            }
        }
        finally
        {
            await ShopOnCluster.KubectlAsync("set env deployment/gateway Cache__Enabled- Limits__RequestsPerSecond-");
            await ShopOnCluster.KubectlAsync(["patch", "deployment/catalog", "--type=json", "--patch", """[{"op": "remove", "path": "/spec/template/spec/containers/0/resources/limits/cpu"}]"""]);
            await ShopOnCluster.KubectlAsync("set env deployment/catalog --containers=catalog DOTNET_TieredCompilation-");
            await ShopOnCluster.ScaleAsync("catalog", ShopOnCluster.Replicas);
            await ShopOnCluster.RolledOutAsync("gateway");
        }

        var throughput = rates.GroupBy(measured => measured.Pods, measured => measured.Rate).ToDictionary(pods => pods.Key, pods => pods.Average());
        Assert.True(throughput[2] >= 1.9 * throughput[1], $"2 pods did {throughput[2] / throughput[1]:0.00} times what 1 did.");
        Assert.True(throughput[4] >= 3.6 * throughput[1], $"4 pods did {throughput[4] / throughput[1]:0.00} times what 1 did.");
    }

    [Fact]
    public async Task An_autoscaler_follows_a_step_of_load_up_and_down_without_loss()
    {
        await ShopOnCluster.KubectlAsync("set env deployment/gateway Cache__Enabled=false");
        await ShopOnCluster.RolledOutAsync("gateway");
        await ShopOnCluster.KubectlAsync(["apply", "-f", "-"], await AutoscalerAsync());
        var watch = Stopwatch.StartNew();
        try
        {
            var quiet = await shop.LoadAsync(rate: 10, new(Browse: 1, Basket: 0, Order: 0));
            await using (quiet)
            {
                var step = await shop.LoadAsync(rate: 200, new(Browse: 1, Basket: 0, Order: 0));
                await using (step)
                {
                    await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(120), async () => (await shop.ReadyPodsAsync("catalog")).Count == 4);
                    TestContext.Current.TestOutputHelper!.WriteLine($"from 2 to 4 pods, ready, after {watch.Elapsed.TotalSeconds:0} s of load");
                    await ShopOnCluster.AnsweredAsync(step, 1_000);
                    ShouldHaveLostNothing(await step.StopAsync());
                }

                watch.Restart();
                await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(180), async () => (await shop.ReadyPodsAsync("catalog")).Count == ShopOnCluster.Replicas);
                TestContext.Current.TestOutputHelper!.WriteLine($"back to 2 after {watch.Elapsed.TotalSeconds:0} s without");
                // Those that leave still serve for a while.
                await ShouldBeAsync("catalog", ShopOnCluster.Replicas);
                ShouldHaveLostNothing(await quiet.StopAsync());
            }
        }
        finally
        {
            await ShopOnCluster.KubectlAsync("delete horizontalpodautoscaler/catalog");
            await ShopOnCluster.KubectlAsync("set env deployment/gateway Cache__Enabled-");
            await ShopOnCluster.ScaleAsync("catalog", ShopOnCluster.Replicas);
            await ShopOnCluster.RolledOutAsync("gateway");
        }

        static void ShouldHaveLostNothing(LoadReport report)
        {
            TestContext.Current.TestOutputHelper!.WriteLine(report.ToString());
            Assert.True(report.Failures.Count == 0, report.ToString());
        }
    }

    /// <summary>Waits until there are so many pods of a service, with those that leave.</summary>
    private Task ShouldBeAsync(string service, int pods) => RunningShop.EventuallyAsync(TimeSpan.FromSeconds(120), async () => (await shop.PodsAsync(ShopOnCluster.Of(service))).Count == pods);

    /// <summary>That of the component, for two to four pods and quick to let go; in the newest version of the API that the cluster has.</summary>
    private static async Task<string> AutoscalerAsync()
    {
        var versions = (await ShopOnCluster.KubectlAsync("api-versions")).Split('\n');
        return JsonSerializer.Serialize(new
        {
            apiVersion = versions.Contains("autoscaling/v2") ? "autoscaling/v2" : "autoscaling/v2beta2",
            kind = "HorizontalPodAutoscaler",
            metadata = new { name = "catalog", labels = new Dictionary<string, string> { ["app.kubernetes.io/part-of"] = "shopmesh" } },
            spec = new
            {
                scaleTargetRef = new { apiVersion = "apps/v1", kind = "Deployment", name = "catalog" },
                minReplicas = ShopOnCluster.Replicas,
                maxReplicas = 4,
                metrics = new[] { new { type = "Resource", resource = new { name = "cpu", target = new { type = "AverageValue", averageValue = "10m" } } } },
                behavior = new { scaleDown = new { stabilizationWindowSeconds = 20, policies = new[] { new { type = "Pods", value = 1, periodSeconds = 10 } } } },
            },
        });
    }

    /// <summary>Pages per second, when it is the pods' own limit that holds them, and not the machine's.</summary>
    private async Task<double> ThroughputAsync(int pods)
    {
        var before = await CpuAsync();
        var (rate, elapsed) = await SaturateAsync(pods, Measurement);
        var shares = (await CpuAsync()).Select(pod => (pod.Value - before[pod.Key]) / elapsed.TotalSeconds).ToList();
        var ofNode = await ShopOnCluster.NodeCpuAsync();
        TestContext.Current.TestOutputHelper!.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{pods} pods: {rate:0.0} pages/s; CPU of each {string.Join(", ", shares.Select(share => $"{share * 1_000:0}m"))}; of the node {ofNode:0 %}"));
        Assert.All(shares, share => Assert.InRange(share, 0.0425, 0.0575));
        Assert.True(ofNode < 0.95, $"The node's CPU was used up to {ofNode:0 %}.");
        return rate;
    }

    /// <summary>As many pages of products as come back, asked for by 32 at a time for each pod; what asks takes as little of the machine as it can.</summary>
    private async Task<(double Rate, TimeSpan Elapsed)> SaturateAsync(int pods, TimeSpan time)
    {
        const string Page = "/api/catalog/products?limit=20";
        using var http = new HttpClient { BaseAddress = shop.Gateway };
        var expected = await http.GetByteArrayAsync(Page, Cancellation);
        Assert.Equal(20, JsonNode.Parse(expected)!["items"]!.AsArray().Count);
        var read = 0;
        var watch = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, 32 * pods).Select(async _ =>
        {
            while (watch.Elapsed < time)
            {
                var page = await http.GetByteArrayAsync(Page, Cancellation);
                Assert.True(page.AsSpan().SequenceEqual(expected));
                Interlocked.Increment(ref read);
            }
        }));
        return (read / watch.Elapsed.TotalSeconds, watch.Elapsed);
    }

    /// <summary>How many seconds of CPU each pod of catalog has used.</summary>
    private async Task<Dictionary<string, double>> CpuAsync()
    {
        var seconds = new Dictionary<string, double>();
        foreach (var pod in await shop.ReadyPodsAsync("catalog"))
        {
            seconds[pod.Metadata.Name] = (await ShopOnCluster.AskAsync(pod.Metadata.Name, "/metrics")).Split('\n')
                .Where(line => line.StartsWith("dotnet_process_cpu_time_seconds_total{", StringComparison.Ordinal))
                .Sum(line => double.Parse(line.Split("} ")[1].Split(' ')[0], CultureInfo.InvariantCulture));
        }

        return seconds;
    }
}
