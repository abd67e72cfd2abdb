using System.Diagnostics;
using System.Text.Json.Nodes;
using ShopMesh.Hosting;

namespace ShopMesh.Cli.Containers;

/// <summary>A Deployment or StatefulSet on its way to what it should be.</summary>
/// <param name="Problem">Why a pod of it waits; empty where none does, or it only starts.</param>
internal sealed record Workload(string Name, int Wanted, int Ready, bool IsDone, int Restarts, string Problem);

/// <summary>The shop's namespace on a Kubernetes cluster, by way of kubectl.</summary>
internal sealed class Cluster
{
    public const string Namespace = "shopmesh";

    /// <summary>Of the objects that a shop is made of; claims stay.</summary>
    private static readonly string[] Kinds =
    [
        "deployments", "statefulsets", "jobs", "services", "serviceaccounts", "configmaps", "secrets",
        "networkpolicies", "ingresses", "horizontalpodautoscalers", "poddisruptionbudgets",
    ];

    private static readonly string[] ContainerKinds = ["initContainerStatuses", "containerStatuses"];

    private readonly Tool _kubectl;

    private Cluster(string context, Tool kubectl) => (Context, _kubectl) = (context, kubectl);

    public string Context { get; }

    private static string Kustomization => Path.Combine(Repository.StateDirectory, "k8s");

    /// <param name="context">Of the kubeconfig; null for the current one.</param>
    /// <exception cref="ShopException">It cannot be reached.</exception>
    public static async Task<Cluster> ConnectAsync(string? context, CancellationToken cancellationToken)
    {
        const string purpose = "the cluster is driven with it (https://kubernetes.io/docs/tasks/tools/)";
        if (context is null)
        {
            var (exitCode, current) = await new Tool("kubectl", purpose).TryAsync(["config", "current-context"], cancellationToken);
            context = exitCode == 0 ? current.Trim() : throw new ShopException("kubectl has no current context: choose one with 'kubectl config use-context NAME', or say --context NAME.");
        }

        var kubectl = new Tool("kubectl", purpose, "--context", context);
        var (reached, output) = await kubectl.TryAsync(["get", "--raw", "/readyz", "--request-timeout", "10s"], cancellationToken);
        return reached == 0 ? new(context, kubectl) : throw new ShopException($"The cluster of the context '{context}' does not answer: {output.Trim()}");
    }

    /// <summary>What the nodes have, as an image is usually called.</summary>
    public async Task<HashSet<string>> PresentImagesAsync(CancellationToken cancellationToken)
    {
        var nodes = await GetAsync(["nodes"], cancellationToken);
        return nodes.Select(ImagesOf).Aggregate((all, one) => [.. all.Intersect(one)]);

        static HashSet<string> ImagesOf(JsonNode node) =>
        [
            .. (node["status"]?["images"]?.AsArray() ?? [])
                .SelectMany(image => image?["names"]?.AsArray() ?? [])
                .Select(name => ((string)name!).Replace("docker.io/library/", "", StringComparison.Ordinal).Replace("docker.io/", "", StringComparison.Ordinal)),
        ];
    }

    /// <summary>Applies an overlay, with these images in it and some components on top.</summary>
    public async Task ApplyAsync(string overlay, IReadOnlyList<string> components, IReadOnlyList<Image> images, int? replicas, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Kustomization);
        await File.WriteAllTextAsync(Path.Combine(Kustomization, "kustomization.yaml"), $"""
            apiVersion: kustomize.config.k8s.io/v1beta1
            kind: Kustomization
            namespace: {Namespace}
            resources: [../../k8s/overlays/{overlay}]
            components: [{string.Join(", ", components.Select(component => $"../../k8s/components/{component}"))}]
            images: [{string.Join(", ", images.Select(image => $"{{ name: {image.Name}, newName: {image.Reference[..image.Reference.LastIndexOf(':')]}, newTag: \"{image.Reference[(image.Reference.LastIndexOf(':') + 1)..]}\" }}"))}]
            replicas: [{(replicas is null ? "" : string.Join(", ", Topology.Services.Select(service => $"{{ name: {service.Name}, count: {replicas} }}")))}]

            """, cancellationToken);
        await _kubectl.RunAsync(["apply", "-k", Kustomization], cancellationToken);
    }

    public async Task<IReadOnlyList<Workload>> WorkloadsAsync(CancellationToken cancellationToken)
    {
        var objects = await GetAsync(["-n", Namespace, "-l", "app.kubernetes.io/part-of=shopmesh", "deployments,statefulsets,pods"], cancellationToken);
        var pods = objects.Where(item => (string)item["kind"]! == "Pod").ToList();
        return [.. objects.Where(item => (string)item["kind"]! != "Pod").Select(item => ToWorkload(item, pods.Where(pod => IsOf(pod, item))))];
    }

    public Task<IReadOnlyList<JsonNode>> PodsAsync(CancellationToken cancellationToken) => GetAsync(["-n", Namespace, "pods"], cancellationToken);

    public Task<IReadOnlyList<JsonNode>> ClaimsAsync(CancellationToken cancellationToken) => GetAsync(["-n", Namespace, "persistentvolumeclaims"], cancellationToken);

    /// <summary>Addresses at which the gateway's NodePort may answer: this machine's, where the cluster forwards it, and the nodes'.</summary>
    public async Task<IReadOnlyList<Uri>> AddressesAsync(CancellationToken cancellationToken)
    {
        var service = (await GetAsync(["-n", Namespace, "services"], cancellationToken)).First(item => (string)item["metadata"]!["name"]! == "gateway");
        if (service["spec"]!["ports"]![0]!["nodePort"] is not { } port)
            return [];
        var nodes = await GetAsync(["nodes"], cancellationToken);
        var hosts = nodes.SelectMany(node => node["status"]!["addresses"]!.AsArray()).Where(address => (string)address!["type"]! == "InternalIP").Select(address => (string)address!["address"]!);
        return [.. hosts.Prepend("localhost").Select(host => new Uri($"http://{host}:{port}"))];
    }

    /// <summary>Removes the shop; its volumes only if they are to be purged.</summary>
    public async Task RemoveAsync(bool purge, CancellationToken cancellationToken)
    {
        if (purge)
        {
            await _kubectl.RunAsync(["delete", "namespace", Namespace, "--ignore-not-found"], cancellationToken);
            return;
        }

        await _kubectl.RunAsync(["-n", Namespace, "delete", string.Join(',', Kinds), "-l", "app.kubernetes.io/part-of=shopmesh", "--ignore-not-found"], cancellationToken);
        await _kubectl.RunAsync(["-n", Namespace, "wait", "--for=delete", "pods", "-l", "app.kubernetes.io/part-of=shopmesh", "--timeout=180s"], cancellationToken);
    }

    /// <summary>The address at which the gateway answers; null where none does.</summary>
    public async Task<Uri?> FindGatewayAsync(CancellationToken cancellationToken)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
        foreach (var address in await AddressesAsync(cancellationToken))
        {
            try
            {
                using var response = await http.GetAsync(new Uri(address, "/docs"), HttpCompletionOption.ResponseHeadersRead, cancellationToken);
                return address;
            }
            catch (Exception e) when (e is HttpRequestException || (e is TaskCanceledException && !cancellationToken.IsCancellationRequested))
            {
                // Another may answer.
            }
        }

        return null;
    }

    public async Task<JsonNode> DeploymentAsync(string name, CancellationToken cancellationToken) =>
        JsonNode.Parse(await _kubectl.RunAsync(["-n", Namespace, "get", $"deployment/{name}", "-o", "json"], cancellationToken))!;

    /// <param name="type"><c>strategic</c> or <c>json</c>.</param>
    public Task PatchDeploymentAsync(string name, string type, JsonNode patch, CancellationToken cancellationToken) =>
        _kubectl.RunAsync(["-n", Namespace, "patch", $"deployment/{name}", "--type", type, "--patch", patch.ToJsonString()], cancellationToken);

    /// <summary>Waits until a Deployment is what it should be, and no pod is left that should not be.</summary>
    /// <returns>The names of its pods.</returns>
    public async Task<IReadOnlyList<string>> SettleAsync(string deployment, TimeSpan limit, CancellationToken cancellationToken)
    {
        var watch = Stopwatch.StartNew();
        await _kubectl.RunAsync(["-n", Namespace, "rollout", "status", $"deployment/{deployment}", $"--timeout={limit.TotalSeconds:0}s"], cancellationToken);
        while (true)
        {
            var pods = await ServicePodsAsync(deployment, cancellationToken);
            if (pods.All(pod => pod["metadata"]!["deletionTimestamp"] is null))
                return [.. pods.Select(pod => (string)pod["metadata"]!["name"]!)];
            if (watch.Elapsed > limit)
                throw new ShopException($"Pods of {deployment} have not ended after {limit.TotalSeconds:0} s.");
            await Task.Delay(500, cancellationToken);
        }
    }

    public Task<IReadOnlyList<JsonNode>> ServicePodsAsync(string service, CancellationToken cancellationToken) =>
        GetAsync(["-n", Namespace, "pods", "-l", $"app.kubernetes.io/name={service},app.kubernetes.io/component=service"], cancellationToken);

    /// <summary>What a pod answers, by way of the API server.</summary>
    public Task<string> AskAsync(string pod, int port, string path, CancellationToken cancellationToken) =>
        RawAsync($"/api/v1/namespaces/{Namespace}/pods/{pod}:{port}/proxy{path}", cancellationToken);

    /// <summary>What the resource metrics API says, of the shop's pods or of the nodes.</summary>
    /// <exception cref="ShopException">It is not served: metrics-server is missing.</exception>
    public async Task<IReadOnlyList<JsonNode>> MetricsAsync(bool nodes, CancellationToken cancellationToken)
    {
        var path = nodes ? "nodes" : $"namespaces/{Namespace}/pods";
        var (exitCode, output) = await _kubectl.TryAsync(["get", "--raw", $"/apis/metrics.k8s.io/v1beta1/{path}"], cancellationToken);
        return exitCode == 0 ? [.. JsonNode.Parse(output)!["items"]!.AsArray()!] : throw new ShopException($"The cluster serves no resource metrics, from which CPU and memory are read: install metrics-server. It said: {output.Trim()}");
    }

    public Task<IReadOnlyList<JsonNode>> NodesAsync(CancellationToken cancellationToken) => GetAsync(["nodes"], cancellationToken);

    public async Task<IReadOnlySet<string>> ApiVersionsAsync(CancellationToken cancellationToken) =>
        (await _kubectl.RunAsync(["api-versions"], cancellationToken)).Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).ToHashSet();

    /// <returns>Null when there is none.</returns>
    public async Task<JsonNode?> AutoscalerAsync(string name, CancellationToken cancellationToken) =>
        await _kubectl.RunAsync(["-n", Namespace, "get", $"horizontalpodautoscalers/{name}", "--ignore-not-found", "-o", "json"], cancellationToken) is { Length: > 0 } found ? JsonNode.Parse(found) : null;

    public Task DeleteAutoscalerAsync(string name, CancellationToken cancellationToken) =>
        _kubectl.RunAsync(["-n", Namespace, "delete", $"horizontalpodautoscalers/{name}", "--ignore-not-found"], cancellationToken);

    public async Task CreateAsync(JsonNode item, CancellationToken cancellationToken)
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, item.ToJsonString(), cancellationToken);
            await _kubectl.RunAsync(["-n", Namespace, "create", "-f", file], cancellationToken);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private Task<string> RawAsync(string path, CancellationToken cancellationToken) => _kubectl.RunAsync(["get", "--raw", path], cancellationToken);

    private async Task<IReadOnlyList<JsonNode>> GetAsync(IReadOnlyList<string> what, CancellationToken cancellationToken) =>
        [.. JsonNode.Parse(await _kubectl.RunAsync(["get", .. what, "-o", "json"], cancellationToken))!["items"]!.AsArray()!];

    private static bool IsOf(JsonNode pod, JsonNode workload) => workload["spec"]!["selector"]!["matchLabels"]!.AsObject()
        .All(label => (string?)pod["metadata"]!["labels"]?[label.Key] == (string)label.Value!);

    private static Workload ToWorkload(JsonNode item, IEnumerable<JsonNode> pods)
    {
        var containers = pods.SelectMany(pod => ContainerKinds.SelectMany(kind => pod["status"]?[kind]?.AsArray() ?? [])).ToList();
        var wanted = (int)item["spec"]!["replicas"]!;
        var ready = Count("readyReplicas");
        var isDone = (int?)item["status"]?["observedGeneration"] == (int)item["metadata"]!["generation"]!
            && Count("updatedReplicas") == wanted && Count("replicas") == wanted && ready == wanted
            && (Count("availableReplicas") == wanted || (string)item["kind"]! == "StatefulSet");
        var problem = containers.Select(container => container!["state"]?["waiting"])
            .Where(waiting => (string?)waiting?["reason"] is not (null or "PodInitializing" or "ContainerCreating"))
            .Select(waiting => $"{waiting!["reason"]}: {waiting["message"]}").FirstOrDefault() ?? "";
        return new((string)item["metadata"]!["name"]!, wanted, ready, isDone, containers.Sum(container => (int)container!["restartCount"]!), problem);

        int Count(string status) => (int?)item["status"]?[status] ?? 0;
    }
}
