using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using ShopMesh.Cli.Containers;
using ShopMesh.Cli.Scaling;

namespace ShopMesh.Bench.Tests;

/// <summary>What is read of a cluster and written to it, without one.</summary>
public sealed class KubernetesTests
{
    [Fact]
    public void A_pod_says_how_many_requests_of_the_API_and_of_gRPC_it_has_answered_and_what_CPU_it_took() => Assert.Equal(new PodSample(160, 12.5), PodSample.Of("""
        # TYPE http_server_request_duration_seconds histogram
        http_server_request_duration_seconds_bucket{http_request_method="GET",http_route="/api/catalog/products",le="0.005"} 90
        http_server_request_duration_seconds_count{http_request_method="GET",http_route="/api/catalog/products",http_response_status_code="200"} 100
        http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="200"} 7
        http_server_request_duration_seconds_count{http_request_method="POST",http_route="/shopmesh.catalog.v1.Catalog/GetProducts",http_response_status_code="200"} 60 1700000000000
        dotnet_process_cpu_time_seconds_total{otel_scope_name="System.Runtime",cpu_mode="user"} 10
        dotnet_process_cpu_time_seconds_total{otel_scope_name="System.Runtime",cpu_mode="system"} 2.5
        http_server_request_duration_seconds_sum{http_request_method="GET",http_route="/api/catalog/products"} 12
        """));

    [Theory]
    [InlineData("30s", 30)]
    [InlineData("1m0s", 60)]
    [InlineData("15.5s", 15.5)]
    public void Usage_counts_from_the_beginning_of_its_window(string window, double seconds)
    {
        var item = new JsonObject { ["timestamp"] = "2026-01-01T12:00:00Z", ["window"] = window };
        Assert.Equal(new DateTimeOffset(2026, 1, 1, 12, 0, 0, TimeSpan.Zero).AddSeconds(-seconds), PodMetrics.WindowStart(item));
    }

    [Theory]
    [InlineData("service", "100m", false, 0.1)]
    [InlineData("database", null, true, null)]
    public void Use_of_a_pod_is_the_sum_of_its_containers(string component, string? limit, bool isDatabase, double? cores)
    {
        var metrics = JsonNode.Parse("""{"metadata": {"name": "catalog-1"}, "containers": [{"usage": {"cpu": "95m", "memory": "65536Ki"}}, {"usage": {"cpu": "5000000n", "memory": "1Mi"}}]}""")!;
        var pod = JsonNode.Parse("""{"metadata": {"labels": {"app.kubernetes.io/name": "catalog"}}, "spec": {"containers": [{"resources": {"limits": {"memory": "320Mi"}}}]}}""")!;
        pod["metadata"]!["labels"]!["app.kubernetes.io/component"] = component;
        if (limit is not null)
            pod["spec"]!["containers"]![0]!["resources"]!["limits"]!["cpu"] = limit;

        var use = PodMetrics.Use(metrics, pod, new(12, 0));

        Assert.Equal(("catalog", isDatabase, cores, 65 << 20, 12.0), (use.Service, use.IsDatabase, use.CpuLimit, (int)use.Memory, use.Requests));
        Assert.Equal(0.1, use.Cpu, 9);
        // What it says itself is of the very time.
        Assert.Equal(0.08, PodMetrics.Use(metrics, pod, new(12, 0.08)).Cpu);
    }

    [Fact]
    public async Task Of_an_image_counts_what_the_others_do_not_begin_with_as_a_registry_keeps_it()
    {
        var (shared, plain, packed) = (RandomNumberGenerator.GetBytes(4_000), new byte[100_000], new MemoryStream());
        await using (var gzip = new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true))
            await gzip.WriteAsync(RandomNumberGenerator.GetBytes(2_000), TestContext.Current.CancellationToken);
        var file = Path.GetTempFileName();
        try
        {
            await using (var tar = new TarWriter(File.Create(file)))
            {
                await AddAsync(tar, "blobs/sha256/shared", shared);
                await AddAsync(tar, "blobs/sha256/plain", plain);
                await AddAsync(tar, "blobs/sha256/packed", packed.ToArray());
                await AddAsync(tar, "manifest.json", """
                    [
                        {"RepoTags": ["shop/one:1"], "Layers": ["blobs/sha256/shared", "blobs/sha256/plain"]},
                        {"RepoTags": ["shop/two:1"], "Layers": ["blobs/sha256/shared", "blobs/sha256/packed", "blobs/sha256/plain"]}
                    ]
                    """u8.ToArray());
            }

            var sizes = await ImageArchive.OwnLayersAsync(file, TestContext.Current.CancellationToken);

            Assert.InRange(sizes["shop/one:1"], 1, 1_000);
            Assert.Equal(packed.Length, sizes["shop/two:1"] - sizes["shop/one:1"]);
        }
        finally
        {
            File.Delete(file);
        }

        static Task AddAsync(TarWriter tar, string name, byte[] data) =>
            tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(data) }, TestContext.Current.CancellationToken);
    }

    [Fact]
    public void A_deployment_gets_back_what_was_changed_and_nothing_else()
    {
        var original = Deployment(2, """{"requests": {"cpu": "50m"}}""", env: null);
        var changed = Deployment(4, """{"requests": {"cpu": "100m"}, "limits": {"cpu": "100m"}}""", """[{"name": "A", "value": "1"}]""");

        var patch = Restoration.Of(changed, original);

        Assert.Equal(
            """[{"op":"add","path":"/spec/replicas","value":2},{"op":"add","path":"/spec/template/spec/containers/0/resources","value":{"requests":{"cpu":"50m"}}},{"op":"remove","path":"/spec/template/spec/containers/0/env"}]""",
            patch.ToJsonString());
        Assert.Empty(Restoration.Of(original, original));
    }

    [Fact]
    public void An_autoscaler_is_made_again_without_what_the_cluster_had_added()
    {
        var found = JsonNode.Parse("""{"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "catalog", "uid": "1", "resourceVersion": "2", "creationTimestamp": "x"}, "spec": {"maxReplicas": 8}, "status": {"currentReplicas": 2}}""")!;
        Assert.Equal("""{"apiVersion":"autoscaling/v1","kind":"HorizontalPodAutoscaler","metadata":{"name":"catalog"},"spec":{"maxReplicas":8}}""", Restoration.Clean(found).ToJsonString());
        Assert.NotNull(found["status"]);
    }

    [Fact]
    public void An_autoscaler_is_of_the_API_that_the_cluster_serves()
    {
        Assert.Equal(["autoscaling/v2", "autoscaling/v2beta2", "autoscaling/v1"], Autoscaler.Versions);
        var old = Autoscaler.Of("catalog", 4, "autoscaling/v1");
        Assert.Equal(70, (int)old["spec"]!["targetCPUUtilizationPercentage"]!);
        Assert.Null(old["spec"]!["behavior"]);

        var current = Autoscaler.Of("catalog", 4, "autoscaling/v2");
        Assert.Equal(15, (int)current["spec"]!["behavior"]!["scaleDown"]!["stabilizationWindowSeconds"]!);
        Assert.Null(current["spec"]!["targetCPUUtilizationPercentage"]);
        Assert.All([old, current], autoscaler => Assert.Equal((1, 4, "catalog"), ((int)autoscaler["spec"]!["minReplicas"]!, (int)autoscaler["spec"]!["maxReplicas"]!, (string)autoscaler["spec"]!["scaleTargetRef"]!["name"]!)));
    }

    private static JsonObject Deployment(int replicas, string resources, string? env)
    {
        var container = new JsonObject { ["name"] = "catalog", ["resources"] = JsonNode.Parse(resources) };
        if (env is not null)
            container["env"] = JsonNode.Parse(env);
        return new JsonObject { ["spec"] = new JsonObject { ["replicas"] = replicas, ["template"] = new JsonObject { ["spec"] = new JsonObject { ["containers"] = new JsonArray(container) } } } };
    }
}
