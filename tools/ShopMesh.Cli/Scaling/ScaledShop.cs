using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using ShopMesh.Bench.Scaling;
using ShopMesh.Cli.Containers;
using ShopMesh.Hosting;

namespace ShopMesh.Cli.Scaling;

/// <summary>A shop on a cluster whose services are scaled; what was changed of them is as it was when this is disposed of, also after a Ctrl-C.</summary>
internal sealed class ScaledShop(Cluster cluster) : IAsyncDisposable
{
    private static readonly TimeSpan RolloutLimit = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan MetricsLimit = TimeSpan.FromMinutes(2);

    private readonly Dictionary<string, JsonNode> _deployments = [];
    private readonly Dictionary<string, JsonNode?> _autoscalers = [];

    /// <summary>One client offers it all, and each request reaches a service.</summary>
    public async Task OpenGatewayAsync(IReadOnlyDictionary<string, string> settings, CancellationToken cancellationToken)
    {
        await RememberAsync(Topology.Gateway, cancellationToken);
        var env = settings.Select(setting => (JsonNode)new JsonObject { ["name"] = setting.Key, ["value"] = setting.Value }).ToArray();
        await PatchContainerAsync(Topology.Gateway, new() { ["env"] = new JsonArray(env) }, replicas: null, cancellationToken);
        await cluster.SettleAsync(Topology.Gateway, RolloutLimit, cancellationToken);
    }

    /// <summary>Gives each pod of a service so much CPU, and takes an autoscaler off it; one pod is left.</summary>
    /// <param name="isLimit">Whether that is also the most that a pod may take.</param>
    public async Task ShareAsync(string service, string cpu, bool isLimit, CancellationToken cancellationToken)
    {
        await RememberAsync(service, cancellationToken);
        if (_autoscalers[service] is not null)
            await cluster.DeleteAutoscalerAsync(service, cancellationToken);
        var container = new JsonObject
        {
            ["resources"] = new JsonObject { ["requests"] = new JsonObject { ["cpu"] = cpu }, ["limits"] = new JsonObject { ["cpu"] = isLimit ? cpu : null } },
        };
        await PatchContainerAsync(service, container, replicas: 1, cancellationToken);
        await cluster.SettleAsync(service, RolloutLimit, cancellationToken);
    }

    /// <summary>Replaces a service's pods by such as optimise code after 30 calls, and not late as they ship: what they do in the end is not long in coming.</summary>
    public async Task<IReadOnlyList<string>> OptimiseEarlyAsync(string service, CancellationToken cancellationToken)
    {
        await PatchContainerAsync(service, new() { ["env"] = new JsonArray(new JsonObject { ["name"] = "DOTNET_TC_CallCountThreshold", ["value"] = "1e" }) }, replicas: null, cancellationToken);
        return await cluster.SettleAsync(service, RolloutLimit, cancellationToken);
    }

    /// <returns>From the order until that many pods serve, and no others.</returns>
    public async Task<(TimeSpan After, IReadOnlyList<string> Pods)> ScaleAsync(string service, int replicas, CancellationToken cancellationToken)
    {
        var watch = Stopwatch.StartNew();
        await cluster.PatchDeploymentAsync(service, "strategic", new JsonObject { ["spec"] = new JsonObject { ["replicas"] = replicas } }, cancellationToken);
        var pods = await cluster.SettleAsync(service, RolloutLimit, cancellationToken);
        return (watch.Elapsed, pods);
    }

    /// <summary>Takes an autoscaler into use, of the newest API that the cluster serves.</summary>
    /// <returns>What it is.</returns>
    public async Task<string> AutoscaleAsync(string service, int most, CancellationToken cancellationToken)
    {
        var served = await cluster.ApiVersionsAsync(cancellationToken);
        var version = Autoscaler.Versions.First(served.Contains);
        await cluster.CreateAsync(Autoscaler.Of(service, most, version), cancellationToken);
        return $"HorizontalPodAutoscaler ({version})";
    }

    /// <returns>How many pods a service is to have, and how many serve.</returns>
    public async Task<(int Wanted, int Ready)> ReplicasAsync(string service, CancellationToken cancellationToken)
    {
        var deployment = await cluster.DeploymentAsync(service, cancellationToken);
        return ((int)deployment["spec"]!["replicas"]!, (int?)deployment["status"]?["readyReplicas"] ?? 0);
    }

    /// <summary>What each pod says of itself.</summary>
    public async Task<IReadOnlyDictionary<string, PodSample>> SampleAsync(string service, IEnumerable<string> pods, CancellationToken cancellationToken)
    {
        var samples = await Task.WhenAll(pods.Select(async pod => (pod, Sample: PodSample.Of(await cluster.AskAsync(pod, service == Topology.Gateway ? 8082 : 8080, "/metrics", cancellationToken)))));
        return samples.ToDictionary(pair => pair.pod, pair => pair.Sample);
    }

    /// <summary>
    /// CPU and memory of all pods and nodes while a load runs: of the service's own pods as they say themselves, of all others by the resource metrics API,
    /// once that is of no earlier time than this was asked. Of the generator it knows nothing.
    /// </summary>
    public async Task<ClusterUse> UseAsync(string service, CancellationToken cancellationToken)
    {
        var since = DateTimeOffset.UtcNow;
        var names = (await cluster.ServicePodsAsync(service, cancellationToken)).Select(pod => (string)pod["metadata"]!["name"]!).ToList();
        var watch = Stopwatch.StartNew();
        var before = await SampleAsync(service, names, cancellationToken);
        IReadOnlyList<JsonNode> metrics;
        do
        {
            await Task.Delay(TimeSpan.FromSeconds(2), cancellationToken);
            metrics = await cluster.MetricsAsync(nodes: false, cancellationToken);
        }
        while (watch.Elapsed < MetricsLimit && !names.TrueForAll(name => metrics.Any(item => (string)item["metadata"]!["name"]! == name && PodMetrics.WindowStart(item) >= since)));

        var elapsed = watch.Elapsed;
        var after = await SampleAsync(service, names, cancellationToken);
        var pods = (await cluster.PodsAsync(cancellationToken)).ToDictionary(pod => (string)pod["metadata"]!["name"]!);
        var nodes = await cluster.MetricsAsync(nodes: true, cancellationToken);
        return new(
            [
                .. from item in metrics
                   let name = (string)item["metadata"]!["name"]!
                   where pods.ContainsKey(name)
                   select PodMetrics.Use(item, pods[name], after.TryGetValue(name, out var sample) ? sample.Since(before[name], elapsed) : null),
            ],
            (await cluster.NodesAsync(cancellationToken)).Sum(node => Quantity.Parse((string)node["status"]!["allocatable"]!["cpu"]!)),
            nodes.Sum(node => Quantity.Parse((string)node["usage"]!["cpu"]!)),
            GeneratorCores: 0,
            GeneratorLateness: 0);
    }

    /// <summary>Replicas, CPU and settings as they were; it waits for nothing, since who pressed Ctrl-C does not.</summary>
    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_deployments.Select(async deployment =>
        {
            var (service, original) = deployment;
            try
            {
                await cluster.DeleteAutoscalerAsync(service, CancellationToken.None);
                await cluster.PatchDeploymentAsync(service, "json", Restoration.Of(await cluster.DeploymentAsync(service, CancellationToken.None), original), CancellationToken.None);
                if (_autoscalers[service] is { } autoscaler)
                    await cluster.CreateAsync(Restoration.Clean(autoscaler), CancellationToken.None);
            }
            catch (ShopException e)
            {
                await Console.Error.WriteLineAsync($"shopmesh: {service} is not as it was before; apply its manifests again ('kubectl apply -k', or ./shopmesh k8s up). {e.Message}");
            }
        }));
        _deployments.Clear();
    }

    private async Task RememberAsync(string service, CancellationToken cancellationToken)
    {
        if (_deployments.ContainsKey(service))
            return;
        _autoscalers[service] = await cluster.AutoscalerAsync(service, cancellationToken);
        _deployments[service] = await cluster.DeploymentAsync(service, cancellationToken);
    }

    private Task PatchContainerAsync(string service, JsonObject container, int? replicas, CancellationToken cancellationToken)
    {
        container["name"] = service;
        var spec = new JsonObject { ["template"] = new JsonObject { ["spec"] = new JsonObject { ["containers"] = new JsonArray(container) } } };
        if (replicas is { } count)
            spec["replicas"] = count;
        return cluster.PatchDeploymentAsync(service, "strategic", new JsonObject { ["spec"] = spec }, cancellationToken);
    }
}

/// <summary>What a pod says of itself, since it was started.</summary>
/// <param name="Requests">Of the API and of gRPC; probes have no route.</param>
/// <param name="Cpu">Seconds; 0 where it does not say.</param>
internal sealed record PodSample(double Requests, double Cpu)
{
    /// <param name="page">Prometheus metrics.</param>
    public static PodSample Of(string page)
    {
        var (requests, cpu) = (0.0, 0.0);
        foreach (var line in page.Split('\n'))
        {
            if (line.StartsWith("http_server_request_duration_seconds_count{", StringComparison.Ordinal)
                && (line.Contains("http_route=\"/api/", StringComparison.Ordinal) || line.Contains("http_route=\"/shopmesh.", StringComparison.Ordinal)))
                requests += Value(line);
            else if (line.StartsWith("dotnet_process_cpu_time_seconds_total{", StringComparison.Ordinal))
                cpu += Value(line);
        }

        return new(requests, cpu);

        // A label may hold a brace, and a time may follow the value.
        static double Value(string line) => double.Parse(line[(line.LastIndexOf('}') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0], CultureInfo.InvariantCulture);
    }

    /// <returns>Requests per second, and cores.</returns>
    public PodSample Since(PodSample before, TimeSpan elapsed) => new((Requests - before.Requests) / elapsed.TotalSeconds, (Cpu - before.Cpu) / elapsed.TotalSeconds);
}

/// <summary>What the resource metrics API says of a pod, read.</summary>
internal static class PodMetrics
{
    /// <summary>From when on the usage of an item of the metrics API counts.</summary>
    public static DateTimeOffset WindowStart(JsonNode item) =>
        DateTimeOffset.Parse((string)item["timestamp"]!, CultureInfo.InvariantCulture) - Window((string)item["window"]!);

    /// <param name="own">What the pod says itself, per second; null where it was not asked.</param>
    public static PodUse Use(JsonNode item, JsonNode pod, PodSample? own)
    {
        var labels = pod["metadata"]!["labels"]!;
        var limits = pod["spec"]!["containers"]!.AsArray().Select(container => (string?)container!["resources"]?["limits"]?["cpu"]).ToList();
        var name = (string)item["metadata"]!["name"]!;
        return new(
            name,
            (string?)labels["app.kubernetes.io/name"] ?? name,
            (string?)labels["app.kubernetes.io/component"] == "database",
            own is { Cpu: > 0 } ? own.Cpu : Sum(item, "cpu"),
            limits.Contains(null) ? null : limits.Sum(limit => Quantity.Parse(limit!)),
            Memory(item),
            own?.Requests);
    }

    /// <returns>The working set of a pod's containers, in bytes.</returns>
    public static double Memory(JsonNode item) => Sum(item, "memory");

    private static double Sum(JsonNode item, string resource) => item["containers"]!.AsArray().Sum(container => Quantity.Parse((string)container!["usage"]![resource]!));

    /// <summary>A duration as Go writes it, such as <c>30s</c>, <c>1m0s</c> or <c>15.06s</c>.</summary>
    private static TimeSpan Window(string text)
    {
        var (total, number) = (TimeSpan.Zero, "");
        foreach (var letter in text)
        {
            if (letter is 'h' or 'm' or 's')
            {
                var value = double.Parse(number, CultureInfo.InvariantCulture);
                (total, number) = (total + (letter switch { 'h' => TimeSpan.FromHours(value), 'm' => TimeSpan.FromMinutes(value), _ => TimeSpan.FromSeconds(value) }), "");
            }
            else
            {
                number += letter;
            }
        }

        return total;
    }
}

/// <summary>How a Deployment becomes again what it was.</summary>
internal static class Restoration
{
    /// <summary>A JSON patch (RFC 6902) over what this program changes: replicas, and the first container's resources and environment.</summary>
    public static JsonArray Of(JsonNode now, JsonNode original)
    {
        var patch = new JsonArray();
        foreach (var path in new[] { "spec/replicas", "spec/template/spec/containers/0/resources", "spec/template/spec/containers/0/env" })
        {
            var (present, wanted) = (At(now, path), At(original, path));
            if (JsonNode.DeepEquals(present, wanted))
                continue;
            patch.Add(wanted is null ? new JsonObject { ["op"] = "remove", ["path"] = $"/{path}" } : new JsonObject { ["op"] = "add", ["path"] = $"/{path}", ["value"] = wanted.DeepClone() });
        }

        return patch;
    }

    /// <summary>Without what the cluster has added: so it can be made again.</summary>
    public static JsonNode Clean(JsonNode item)
    {
        var clean = item.DeepClone().AsObject();
        clean.Remove("status");
        var metadata = clean["metadata"]!.AsObject();
        foreach (var added in new[] { "creationTimestamp", "managedFields", "resourceVersion", "selfLink", "uid" })
            metadata.Remove(added);
        return clean;
    }

    private static JsonNode? At(JsonNode item, string path) => path.Split('/').Aggregate((JsonNode?)item, (node, step) => node switch
    {
        JsonArray array => array[int.Parse(step, CultureInfo.InvariantCulture)],
        _ => node?[step],
    });
}

internal static class Autoscaler
{
    public const int TargetPercent = 70;

    /// <summary>The newest first. The oldest has no word for how it behaves, and scales down as the cluster's controller has it: after 5 minutes by default.</summary>
    public static readonly string[] Versions = ["autoscaling/v2", "autoscaling/v2beta2", "autoscaling/v1"];

    /// <summary>From one pod up to so many; up at once, down after 15 quiet seconds.</summary>
    public static JsonObject Of(string service, int most, string apiVersion)
    {
        var spec = new JsonObject
        {
            ["scaleTargetRef"] = new JsonObject { ["apiVersion"] = "apps/v1", ["kind"] = "Deployment", ["name"] = service },
            ["minReplicas"] = 1,
            ["maxReplicas"] = most,
        };
        if (apiVersion == "autoscaling/v1")
        {
            spec["targetCPUUtilizationPercentage"] = TargetPercent;
        }
        else
        {
            spec["metrics"] = new JsonArray(new JsonObject
            {
                ["type"] = "Resource",
                ["resource"] = new JsonObject { ["name"] = "cpu", ["target"] = new JsonObject { ["type"] = "Utilization", ["averageUtilization"] = TargetPercent } },
            });
            spec["behavior"] = new JsonObject { ["scaleUp"] = new JsonObject { ["stabilizationWindowSeconds"] = 0 }, ["scaleDown"] = new JsonObject { ["stabilizationWindowSeconds"] = 15 } };
        }

        return new()
        {
            ["apiVersion"] = apiVersion,
            ["kind"] = "HorizontalPodAutoscaler",
            ["metadata"] = new JsonObject { ["name"] = service, ["labels"] = new JsonObject { ["app.kubernetes.io/name"] = service, ["app.kubernetes.io/part-of"] = "shopmesh" } },
            ["spec"] = spec,
        };
    }
}
