using System.CommandLine;
using System.Globalization;
using ShopMesh.Bench.Scaling;
using ShopMesh.Cli.Containers;
using ShopMesh.Cli.Scaling;
using ShopMesh.Hosting;
using ShopMesh.Load;
using Spectre.Console;

namespace ShopMesh.Cli.Commands;

/// <summary><c>scale</c>: what the shop on a cluster does with more pods.</summary>
internal static class ScaleCommand
{
    private const int Signed = 100;

    /// <summary>So that one client may offer it all, and each request reaches a service.</summary>
    private static readonly Dictionary<string, string> OpenGateway = new() { ["Limits__RequestsPerSecond"] = "0", ["Cache__Enabled"] = "false" };

    public static Command Create()
    {
        var context = new Option<string?>("--context") { Description = "A context of the kubeconfig; the current one by default." };
        var url = new Option<Uri?>("--url") { Description = "The shop's address; by default the gateway's NodePort." };
        var services = List("--services", "What to scale, of " + string.Join(", ", ScaleRun.Loads.Keys) + ".", ["catalog"], name => ScaleRun.Loads.ContainsKey(name) ? name : throw new FormatException($"{name} is none of {string.Join(", ", ScaleRun.Loads.Keys)}"));
        var replicas = List("--replicas", "How many pods, in turn; with --hpa the last is the most there may be.", [1, 2, 4],
            text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count is >= 1 and <= 50 ? count : throw new FormatException($"{text} is not from 1 to 50"));
        var cpu = Parsed("--cpu", "What each pod of the service gets of a core, and no more: 100m is a tenth.", "100m", text => Quantity.Parse(text) > 0 ? text : throw new FormatException("it must be more than nothing"));
        var goal = Parsed("--goal", "What a rate has to meet.", new LatencyGoal(99, 250), LatencyGoal.Parse);
        var hpa = new Option<bool>("--hpa") { Description = "Instead: a load step up and down with an autoscaler on." };
        var rate = new Option<double?>("--rate") { Description = "With --hpa: requests per second of the step; by default what the most pods would take." };
        var report = new Option<FileInfo>("--report") { Description = "Where to write the page.", DefaultValueFactory = _ => new("scale.html") };
        var command = new Command("scale", "Measure on a cluster how far a service goes with more pods, and what stops it.") { context, url, services, replicas, cpu, goal, hpa, rate, report };
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var options = new ScaleOptions(arguments.GetRequiredValue(services), arguments.GetRequiredValue(replicas), arguments.GetRequiredValue(cpu), arguments.GetRequiredValue(goal), arguments.GetValue(rate));
            var cluster = await Cluster.ConnectAsync(arguments.GetValue(context), cancellationToken);
            var page = await RunAsync(cluster, arguments.GetValue(url), options, arguments.GetValue(hpa), cancellationToken);
            Print(page);
            var file = arguments.GetRequiredValue(report);
            await File.WriteAllTextAsync(file.FullName, page.ToHtml(), CancellationToken.None);
            AnsiConsole.WriteLine($"Written to {file.FullName}.");
            return page.Hpa.All(run => run.Failed == 0) ? ExitCodes.Ok : ExitCodes.Failed;
        });
        return command;
    }

    private static async Task<ScaleReport> RunAsync(Cluster cluster, Uri? url, ScaleOptions options, bool hpa, CancellationToken cancellationToken)
    {
        var gateway = url ?? await cluster.FindGatewayAsync(cancellationToken)
            ?? throw new ShopException($"No node answers on the gateway's NodePort: forward it with 'kubectl --context {cluster.Context} -n {Cluster.Namespace} port-forward service/gateway 8080:80', and say --url http://localhost:8080.");
        await cluster.MetricsAsync(nodes: true, cancellationToken);
        var customers = await Customers.SignInAsync(gateway, options.Services.Any(service => service is not ("catalog" or Topology.Gateway)) ? Signed : 0, cancellationToken);
        var begun = DateTimeOffset.UtcNow;
        var (points, steps) = (new List<ScalePoint>(), new List<HpaRun>());
        await using (var shop = new ScaledShop(cluster))
        {
            await shop.OpenGatewayAsync(OpenGateway, cancellationToken);
            var run = new ScaleRun(shop, gateway, customers, options, text => AnsiConsole.WriteLine($"{DateTime.UtcNow:HH:mm:ss} {text}"), cancellationToken);
            foreach (var service in options.Services)
            {
                if (hpa)
                    steps.Add(await run.StepAsync(service));
                else
                    points.AddRange(await run.MeasureAsync(service));
            }
        }

        return new(begun, cluster.Context, options.Goal.ToString(), options.Cpu, points, steps);
    }

    private static void Print(ScaleReport report)
    {
        if (report.Points.Count > 0)
        {
            var table = new Table().Border(TableBorder.Simple).AddColumns("service", "replicas", "requests/s", "× the first", "ready after", "uneven by", "CPU in all", "bottleneck");
            foreach (var point in report.Points)
            {
                var own = point.Use.Pods.Where(pod => pod.Service == point.Service && !pod.IsDatabase).Sum(pod => pod.Cpu);
                table.AddRow(Cells($"{point.Service}", $"{point.Replicas}", $"{ScaleReport.Number(point.Highest)}", $"{report.Times(point)}", $"{point.ReadyAfter.TotalSeconds:0.0} s", $"{point.Uneven:0.0 %}", $"{1_000 * own:0}m", $"{point.Bottleneck}"));
            }

            AnsiConsole.Write(table);
        }

        foreach (var run in report.Hpa)
        {
            AnsiConsole.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{run.Service}, {run.Autoscaler}: one more pod after {ScaleReport.Time(run.Up)}, {run.Peak} pods after {ScaleReport.Time(run.Most)}, back at one {ScaleReport.Time(run.Down)} after the load went; {run.Failed} of {run.Requests} requests failed"));
        }
    }

    private static string[] Cells(params FormattableString[] cells) => [.. cells.Select(cell => Markup.Escape(cell.ToString(CultureInfo.InvariantCulture)))];

    private static Option<IReadOnlyList<T>> List<T>(string name, string description, IReadOnlyList<T> otherwise, Func<string, T> parse) =>
        Parsed<IReadOnlyList<T>>(name, description, otherwise, text => [.. text.Split(',', StringSplitOptions.TrimEntries).Select(parse)]);

    private static Option<T> Parsed<T>(string name, string description, T otherwise, Func<string, T> parse) => new(name)
    {
        Description = description,
        CustomParser = result =>
        {
            try
            {
                return parse(result.Tokens[0].Value);
            }
            catch (FormatException e)
            {
                result.AddError($"{name}: {e.Message}");
                return default;
            }
        },
        DefaultValueFactory = _ => otherwise,
    };
}
