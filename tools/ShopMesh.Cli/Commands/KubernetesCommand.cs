using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using ShopMesh.Bench;
using ShopMesh.Cli.Containers;
using ShopMesh.Cli.Scaling;
using ShopMesh.Hosting;
using Spectre.Console;

namespace ShopMesh.Cli.Commands;

/// <summary><c>k8s</c>: the shop on a Kubernetes cluster.</summary>
internal static class KubernetesCommand
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private static readonly Option<string?> Context = new("--context") { Description = "A context of the kubeconfig; the current one by default." };
    private static readonly Option<string?> Registry = new("--registry") { Description = "A registry to push the images to, which the cluster pulls from: HOST/PATH." };
    private static readonly Option<string?> LoadWith = new("--load-with") { Description = "A command that brings images into the cluster; it is run with their names." };

    public static Command Create() => new("k8s", "The shop on a Kubernetes cluster.") { CreateUp(), CreateStatus(), CreateImages(), CreateDown() };

    private static Command CreateUp()
    {
        var overlay = new Option<string>("--overlay") { Description = "What to apply, of k8s/overlays.", DefaultValueFactory = _ => "dev" };
        var with = new Option<string[]>("--with") { Description = "Components to add, of k8s/components.", DefaultValueFactory = _ => [], AllowMultipleArgumentsPerToken = true };
        overlay.AcceptOnlyFromAmong(FoldersOf("overlays"));
        with.AcceptOnlyFromAmong(FoldersOf("components"));
        var replicas = new Option<int?>("--replicas") { Description = "How many pods of each service; what the overlay says by default." };
        replicas.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < 1 or > 100)
                result.AddError("--replicas takes a number from 1 to 100.");
        });
        var timeout = new Option<int>("--timeout") { Description = "How many seconds the pods may take to be ready.", DefaultValueFactory = _ => 300 };
        var command = new Command("up", "Build the images, bring them there, apply an overlay, and follow it until every pod is ready.") { Context, Registry, LoadWith, overlay, with, replicas, timeout };
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var watch = Stopwatch.StartNew();
            var cluster = await Cluster.ConnectAsync(arguments.GetValue(Context), cancellationToken);
            var images = await BuildAndDeliverAsync(cluster, version: null, arguments, cancellationToken);
            await cluster.ApplyAsync(arguments.GetRequiredValue(overlay), arguments.GetRequiredValue(with), images, arguments.GetValue(replicas), cancellationToken);
            var restarts = await FollowAsync(cluster, TimeSpan.FromSeconds(arguments.GetValue(timeout)), cancellationToken);
            AnsiConsole.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Every pod is ready after {StartView.Seconds(watch.Elapsed)}, with {restarts} restarts."));
            await PrintAddressAsync(cluster, cancellationToken);
            return ExitCodes.Ok;
        });
        return command;
    }

    private static Command CreateImages()
    {
        var version = new Option<string>("--version") { Description = "The images' tag, and what the services say they are.", Required = true };
        var sizes = new Option<bool>("--sizes") { Description = "Also say what each service's image adds to the base that all of them share." };
        var command = new Command("images", "Build the images in a version, and bring them to the cluster or a registry.") { Context, Registry, LoadWith, version, sizes };
        command.SetAction(async (arguments, cancellationToken) =>
        {
            // A registry takes them without a cluster.
            var cluster = arguments.GetValue(Registry) is null ? await Cluster.ConnectAsync(arguments.GetValue(Context), cancellationToken) : null;
            var images = await BuildAndDeliverAsync(cluster, arguments.GetRequiredValue(version), arguments, cancellationToken);
            if (arguments.GetValue(sizes))
            {
                var table = new Table().Border(TableBorder.None).AddColumns("IMAGE", "OWN LAYERS, COMPRESSED");
                foreach (var (image, bytes) in (await Images.OwnLayersAsync(images, cancellationToken)).OrderBy(image => image.Key, StringComparer.Ordinal))
                    table.AddRow(image, MiB(bytes));
                AnsiConsole.Write(table);
            }

            return ExitCodes.Ok;
        });
        return command;
    }

    private static Command CreateStatus()
    {
        var command = new Command("status", "Pods, readiness, restarts, memory and volumes.") { Context };
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var cluster = await Cluster.ConnectAsync(arguments.GetValue(Context), cancellationToken);
            var pods = new Table().Border(TableBorder.None).AddColumns("POD", "READY", "RESTARTS", "STATUS", "MEMORY", "AGE", "NODE");
            var memory = await MemoryAsync(cluster, cancellationToken);
            var total = 0.0;
            foreach (var pod in await cluster.PodsAsync(cancellationToken))
            {
                var name = (string)pod["metadata"]!["name"]!;
                var containers = pod["status"]?["containerStatuses"]?.AsArray() ?? [];
                var status = pod["metadata"]!["deletionTimestamp"] is null ? (string)pod["status"]!["phase"]! : "Terminating";
                var used = memory.GetValueOrDefault(name);
                total += used;
                pods.AddRow(
                    name,
                    $"{containers.Count(container => (bool)container!["ready"]!)}/{pod["spec"]!["containers"]!.AsArray().Count}",
                    containers.Sum(container => (int)container!["restartCount"]!).ToString(CultureInfo.InvariantCulture),
                    status,
                    used > 0 ? MiB(used) : "",
                    AgeOf(pod),
                    (string?)pod["spec"]!["nodeName"] ?? "");
            }

            var volumes = new Table().Border(TableBorder.None).AddColumns("VOLUME CLAIM", "STATUS", "CAPACITY", "VOLUME", "AGE");
            foreach (var claim in await cluster.ClaimsAsync(cancellationToken))
                volumes.AddRow((string)claim["metadata"]!["name"]!, (string)claim["status"]!["phase"]!, (string?)claim["status"]!["capacity"]?["storage"] ?? "", (string?)claim["spec"]!["volumeName"] ?? "", AgeOf(claim));

            AnsiConsole.Write(pods);
            if (total > 0)
                AnsiConsole.WriteLine($"Memory is the containers' working set: {MiB(total)} in all.");
            AnsiConsole.WriteLine();
            AnsiConsole.Write(volumes);
            return ExitCodes.Ok;
        });
        return command;
    }

    private static Command CreateDown()
    {
        var purge = new Option<bool>("--purge") { Description = "Also the volumes, and the namespace." };
        var command = new Command("down", "Remove the shop from the cluster; its volumes stay.") { Context, purge };
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var watch = Stopwatch.StartNew();
            var cluster = await Cluster.ConnectAsync(arguments.GetValue(Context), cancellationToken);
            await cluster.RemoveAsync(arguments.GetValue(purge), cancellationToken);
            AnsiConsole.WriteLine($"Removed after {StartView.Seconds(watch.Elapsed)}; {(arguments.GetValue(purge) ? "its data are gone" : "its volumes stay")}.");
            return ExitCodes.Ok;
        });
        return command;
    }

    private static string[] FoldersOf(string kind) => [.. Directory.EnumerateDirectories(Path.Combine(Repository.Root, "k8s", kind)).Select(folder => Path.GetFileName(folder)).Order(StringComparer.Ordinal)];

    private static async Task<IReadOnlyList<Image>> BuildAndDeliverAsync(Cluster? cluster, string? version, ParseResult arguments, CancellationToken cancellationToken)
    {
        var registry = arguments.GetValue(Registry);
        var images = await Images.BuildAsync(version, registry, cancellationToken);
        // A version's tag may stand for something else by now.
        var present = cluster is null || version is not null ? [] : await cluster.PresentImagesAsync(cancellationToken);
        await Images.DeliverAsync(images, cluster?.Context ?? "", registry, arguments.GetValue(LoadWith), present, cancellationToken);
        return images;
    }

    /// <returns>How often a container was restarted.</returns>
    private static async Task<int> FollowAsync(Cluster cluster, TimeSpan limit, CancellationToken cancellationToken)
    {
        var watch = Stopwatch.StartNew();
        var view = new RolloutView();
        return await view.ShowAsync(async () =>
        {
            while (true)
            {
                var workloads = await cluster.WorkloadsAsync(cancellationToken);
                view.Report(workloads);
                if (workloads.Count > 0 && workloads.All(workload => workload.IsDone))
                    return workloads.Sum(workload => workload.Restarts);
                if (watch.Elapsed > limit)
                    throw new ShopException($"Not everything is ready after {StartView.Seconds(limit)}:{string.Concat(workloads.Where(workload => !workload.IsDone).Select(workload => $"{Environment.NewLine}  {workload.Name}: {workload.Ready} of {workload.Wanted} ready {workload.Problem}"))}");
                await Task.Delay(Interval, cancellationToken);
            }
        });
    }

    private static async Task PrintAddressAsync(Cluster cluster, CancellationToken cancellationToken)
    {
        var url = (await cluster.FindGatewayAsync(cancellationToken))?.ToString().TrimEnd('/');
        AnsiConsole.WriteLine(url is null
            ? $"To reach it: kubectl --context {cluster.Context} -n {Cluster.Namespace} port-forward service/gateway 8080:80"
            : $"The shop is at {url}; {url}/docs shows its API.");
    }

    /// <summary>The working set of pods, by their names, as of the last scrape, in bytes; empty where the cluster serves no resource metrics.</summary>
    private static async Task<IReadOnlyDictionary<string, double>> MemoryAsync(Cluster cluster, CancellationToken cancellationToken)
    {
        try
        {
            return (await cluster.MetricsAsync(nodes: false, cancellationToken)).ToDictionary(pod => (string)pod["metadata"]!["name"]!, PodMetrics.Memory);
        }
        catch (ShopException)
        {
            return new Dictionary<string, double>();
        }
    }

    private static string MiB(double bytes) => string.Create(CultureInfo.InvariantCulture, $"{Goals.MiB(bytes):0.0} MiB");

    private static string AgeOf(JsonNode item) => (DateTimeOffset.UtcNow - (DateTimeOffset)item["metadata"]!["creationTimestamp"]!) switch
    {
        { TotalDays: >= 1 } age => string.Create(CultureInfo.InvariantCulture, $"{age.TotalDays:0}d"),
        { TotalHours: >= 1 } age => string.Create(CultureInfo.InvariantCulture, $"{age.TotalHours:0}h"),
        { TotalMinutes: >= 1 } age => string.Create(CultureInfo.InvariantCulture, $"{age.TotalMinutes:0}m"),
        var age => string.Create(CultureInfo.InvariantCulture, $"{age.TotalSeconds:0}s"),
    };
}
