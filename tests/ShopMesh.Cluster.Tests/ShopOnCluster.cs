using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using k8s;
using k8s.Models;
using ShopMesh.Hosting;
using ShopMesh.Load;
using Xunit.v3;

[assembly: AssemblyFixture(typeof(ShopMesh.Cluster.Tests.ShopOnCluster))]
// There is one shop, and each test disturbs it.
[assembly: Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]

namespace ShopMesh.Cluster.Tests;

/// <summary>
/// The shop that <c>./shopmesh k8s up</c> has brought to the cluster of the current context. Each test leaves two pods of every
/// service, as it found them.
/// </summary>
public sealed class ShopOnCluster : IAsyncLifetime
{
    public const string Namespace = "shopmesh";

    /// <summary>How many pods of a service there are between the tests.</summary>
    public const int Replicas = 2;

    private static readonly TimeSpan UntilAllServe = TimeSpan.FromSeconds(60);

    private const string PartOfShop = "app.kubernetes.io/part-of=shopmesh";

    private Kubernetes _cluster = null!;
    private Customers _customers = null!;

    /// <summary>Every service, and the gateway.</summary>
    public static IReadOnlyList<string> Services { get; } = [.. Topology.Services.Select(service => service.Name)];

    public static IReadOnlyList<string> Databases { get; } = [.. Topology.Services.Where(service => service.HasDatabase).Select(service => service.Name)];

    public ICoreV1Operations Core => _cluster.CoreV1;

    public Uri Gateway { get; private set; } = null!;

    public Shopper Admin { get; private set; } = null!;

    /// <summary>How often containers had been restarted when the tests began, by pod.</summary>
    public IReadOnlyDictionary<string, int> RestartsAtFirst { get; private set; } = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _cluster = new(KubernetesClientConfiguration.BuildDefaultConfig());
        var pods = await PodsAsync();
        Assert.True(pods.Count > 0, $"There is no shop in the namespace '{Namespace}' of the current context: './shopmesh k8s up' brings it there.");
        RestartsAtFirst = pods.ToDictionary(pod => pod.Name(), pod => (pod.Status.ContainerStatuses ?? []).Sum(container => container.RestartCount));
        await Task.WhenAll(Services.Select(service => ScaleAsync(service, Replicas)));
        Gateway = await FindGatewayAsync();
        await ServesAsync();
        Admin = await Shopper.SignInAsync(Gateway, "admin@example.com");
        _customers = await Customers.SignInAsync(Gateway, 150, Cancellation);
        await WarmUpAsync();
    }

    public ValueTask DisposeAsync()
    {
        Admin?.Dispose();
        _cluster?.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Runs kubectl as a person would, in the shop's namespace.</summary>
    /// <param name="arguments">As typed; separated by single spaces.</param>
    public static Task<string> KubectlAsync(string arguments) => KubectlAsync(arguments.Split(' '));

    /// <param name="arguments">Each as it is, spaces and all.</param>
    /// <param name="input">What it reads from its standard input.</param>
    public static async Task<string> KubectlAsync(IEnumerable<string> arguments, string? input = null)
    {
        string[] all = ["-n", Namespace, .. arguments];
        var start = new ProcessStartInfo("kubectl", all) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync(Cancellation);
        var error = process.StandardError.ReadToEndAsync(Cancellation);
        await process.WaitForExitAsync(Cancellation);
        Assert.True(process.ExitCode == 0, $"kubectl {string.Join(' ', all)}: {await output}{await error}");
        return await output;
    }

    /// <summary>A load that goes on until it is stopped.</summary>
    public Task<OpenLoop> LoadAsync(double rate, Mix? mix = null) => OpenLoop.StartAsync(new(Gateway) { Rate = rate, Mix = mix ?? Mix.Default }, _customers, Cancellation);

    /// <summary>Waits until more than so many further requests of a load were answered, or failed.</summary>
    public static Task AnsweredAsync(OpenLoop load, int requests)
    {
        var seen = load.Requests;
        return RunningShop.EventuallyAsync(TimeSpan.FromSeconds(60), () => Task.FromResult(load.Requests > seen + requests));
    }

    public async Task<IReadOnlyList<V1Pod>> PodsAsync(string selector = PartOfShop) => [.. (await Core.ListNamespacedPodAsync(Namespace, labelSelector: selector, cancellationToken: Cancellation)).Items];

    /// <summary>Those that serve, and are to stay.</summary>
    public async Task<IReadOnlyList<V1Pod>> ReadyPodsAsync(string service) =>
        [.. (await PodsAsync(Of(service))).Where(pod => pod.Metadata.DeletionTimestamp is null && (pod.Status.Conditions ?? []).Any(condition => condition is { Type: "Ready", Status: "True" }))];

    public static string Of(string service) => $"app.kubernetes.io/name={service},app.kubernetes.io/component=service";

    /// <summary>Scales a service, and waits until that many pods serve, and no others.</summary>
    public static async Task ScaleAsync(string service, int replicas)
    {
        await KubectlAsync($"scale deployment/{service} --replicas={replicas}");
        await RolledOutAsync(service);
    }

    /// <summary>Waits until every pod of a service is of its newest version, and serves.</summary>
    public static Task RolledOutAsync(string service) => KubectlAsync($"rollout status deployment/{service} --timeout=180s");

    /// <summary>Waits until every Deployment and every database is what it should be.</summary>
    public static async Task SettleAsync()
    {
        await KubectlAsync($"wait --for=condition=Ready pods -l {PartOfShop},app.kubernetes.io/component=database --timeout=120s");
        // By their Deployments: pods that are leaving are never ready again.
        foreach (var service in Services)
            await RolledOutAsync(service);
    }

    /// <summary>What part of the nodes' CPU is in use, by the resource metrics API: over its last window, half a minute or so.</summary>
    public static async Task<double> NodeCpuAsync()
    {
        var nodes = JsonNode.Parse(await KubectlAsync("get nodes -o json"))!["items"]!.AsArray();
        var used = JsonNode.Parse(await KubectlAsync("get --raw /apis/metrics.k8s.io/v1beta1/nodes"))!["items"]!.AsArray();
        return (double)(used.Sum(node => Cores(node!["usage"]!["cpu"])) / nodes.Sum(node => Cores(node!["status"]!["capacity"]!["cpu"])));

        static decimal Cores(JsonNode? quantity) => new ResourceQuantity((string)quantity!).ToDecimal();
    }

    /// <summary>What a pod answers on its operations port, by way of the API server.</summary>
    public static Task<string> AskAsync(string pod, string path, int port = 8080) => KubectlAsync($"get --raw /api/v1/namespaces/{Namespace}/pods/{pod}:{port}/proxy{path}");

    /// <summary>How many requests a pod has answered, over HTTP and over gRPC.</summary>
    public static async Task<(double Http, double Grpc)> RequestsAsync(string pod)
    {
        var (http, grpc) = (0.0, 0.0);
        foreach (var line in (await AskAsync(pod, "/metrics")).Split('\n').Where(line => line.StartsWith("http_server_request_duration_seconds_count{", StringComparison.Ordinal)))
        {
            var count = double.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture);
            if (line.Contains("http_route=\"/api/", StringComparison.Ordinal))
                http += count;
            else if (line.Contains("http_route=\"/shopmesh.", StringComparison.Ordinal))
                grpc += count;
        }

        return (http, grpc);
    }

    /// <summary>Whatever was acknowledged is there, has ended, and breaks no rule.</summary>
    public async Task ShouldPassTheAuditAsync(params IEnumerable<string> acknowledged)
    {
        var report = await Audit.RunAsync(new(Gateway), cancellationToken: Cancellation);
        Assert.True(report.Passed, report.ToString());
        var known = new HashSet<string>();
        foreach (var order in await Admin.AllAsync("/api/admin/orders?limit=100"))
        {
            Assert.True((string)order["status"]! is "delivered" or "rejected" or "cancelled", order.ToJsonString());
            known.Add((string)order["id"]!);
        }

        Assert.Empty(acknowledged.Except(known));
    }

    /// <summary>
    /// Waits until no pod of the shop is without one that it needs: where DNS keeps an answer for long, a gateway that began before
    /// the services does not find them for as long.
    /// </summary>
    public async Task ServesAsync()
    {
        var served = 0;
        await RunningShop.EventuallyAsync(UntilAllServe, async () => (served = await IsServedAsync() ? served + 1 : 0) == 10);
    }

    private async Task<bool> IsServedAsync()
    {
        // A connection of its own, since each leads to another pod of the gateway; and a search that no gateway has an answer to.
        using var http = new HttpClient { BaseAddress = Gateway };
        foreach (var path in (string[])[$"/api/catalog/products?query={Guid.NewGuid():N}", "/api/inventory?productIds=a", "/api/shipping/options?country=PT", "/api/basket", "/api/payments/tokens", "/api/orders", "/connect/token"])
        {
            using var response = await http.GetAsync(new Uri(path, UriKind.Relative), Cancellation);
            if (response.StatusCode is HttpStatusCode.ServiceUnavailable)
                return false;
        }

        return true;
    }

    /// <summary>A shop of which every pod has just begun is no shop that anyone rolls out, or breaks.</summary>
    public async Task WarmUpAsync()
    {
        await using var load = await LoadAsync(rate: 30);
        await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(60), () => Task.FromResult(load.Requests >= 600));
    }

    private async Task<Uri> FindGatewayAsync()
    {
        var port = (await Core.ReadNamespacedServiceAsync("gateway", Namespace, cancellationToken: Cancellation)).Spec.Ports[0].NodePort;
        var nodes = await Core.ListNodeAsync(cancellationToken: Cancellation);
        var hosts = nodes.Items.SelectMany(node => node.Status.Addresses).Where(address => address.Type == "InternalIP").Select(address => address.Address);
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
        foreach (var host in hosts.Prepend("127.0.0.1"))
        {
            try
            {
                using var response = await http.GetAsync(new Uri($"http://{host}:{port}/docs"), HttpCompletionOption.ResponseHeadersRead, Cancellation);
                return new($"http://{host}:{port}");
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
            {
                // Another may answer.
            }
        }

        throw new InvalidOperationException($"No node answers on the gateway's NodePort {port}: the tests load the shop from outside of it.");
    }
}
