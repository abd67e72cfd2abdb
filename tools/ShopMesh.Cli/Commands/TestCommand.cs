using System.CommandLine;
using System.Diagnostics;
using System.Xml.Linq;
using ShopMesh.Hosting;
using Spectre.Console;

namespace ShopMesh.Cli.Commands;

/// <summary><c>test</c>: every test that this machine can run, project by project; the script has built them.</summary>
internal static class TestCommand
{
    private static readonly TimeSpan ProjectLimit = TimeSpan.FromMinutes(45);

    private static string ClusterTests => ProjectOf("ShopMesh.Cluster.Tests");

    public static Command Create()
    {
        var filter = new Option<string?>("--filter") { Description = "Only tests that match, as dotnet test has it: FullyQualifiedName~Money." };
        var cluster = new Option<bool>("--cluster") { Description = "Those that need a Kubernetes cluster instead, on the shop that './shopmesh k8s up' has brought to the current context." };
        var url = new Option<string?>("--url") { Description = "The tests of the API's contract instead, on a shop with demo data that runs there: http://localhost:8080." };
        var command = new Command("test", "Run every test that this machine can run.") { filter, cluster, url };
        command.SetAction((arguments, cancellationToken) =>
        {
            if (arguments.GetValue(url) is not { } shop)
                return RunAsync(arguments.GetValue(cluster) ? [ClusterTests] : LocalTests(), arguments.GetValue(filter), cancellationToken);
            Environment.SetEnvironmentVariable("SHOPMESH_URL", shop);
            return RunAsync([ProjectOf("ShopMesh.EndToEnd.Tests")], "Category=Contract", cancellationToken);
        });
        return command;
    }

    private static IReadOnlyList<string> LocalTests()
    {
        AnsiConsole.MarkupLineInterpolated($"[yellow]not run[/]  {Path.GetFileNameWithoutExtension(ClusterTests)}: it needs a Kubernetes cluster, and --cluster");
        return [.. Directory.EnumerateFiles(Path.Combine(Repository.Root, "tests"), "*.Tests.csproj", SearchOption.AllDirectories).Where(project => project != ClusterTests).Order(StringComparer.Ordinal)];
    }

    private static string ProjectOf(string name) => Path.Combine(Repository.Root, "tests", name, $"{name}.csproj");

    private static async Task<int> RunAsync(IReadOnlyList<string> projects, string? filter, CancellationToken cancellationToken)
    {
        var (passed, failed, skipped) = (0, 0, 0);
        foreach (var project in projects)
        {
            var name = Path.GetFileNameWithoutExtension(project);
            var watch = Stopwatch.StartNew();
            var run = Console.IsOutputRedirected
                ? await RunAsync(project, filter, cancellationToken)
                : await AnsiConsole.Status().StartAsync(name, _ => RunAsync(project, filter, cancellationToken));
            Print(name, run, watch.Elapsed);
            passed += run.Results.Count(result => result.Outcome == TestOutcome.Passed);
            skipped += run.Results.Count(result => result.Outcome == TestOutcome.Skipped);
            failed += run.Results.Count(result => result.Outcome == TestOutcome.Failed) + run.Errors.Count;
        }

        if (passed + failed == 0)
        {
            failed = 1;
            AnsiConsole.MarkupLine("[red]No test was run.[/]");
        }

        AnsiConsole.WriteLine($"{passed} passed, {failed} failed, {skipped} skipped");
        return failed == 0 ? ExitCodes.Ok : ExitCodes.Failed;
    }

    /// <summary>What went wrong beside the tests counts as an error of the run, so that no crash passes for success.</summary>
    private static async Task<TestRun> RunAsync(string project, string? filter, CancellationToken cancellationToken)
    {
        var results = Path.Combine(Repository.StateDirectory, "tests");
        Directory.CreateDirectory(results);
        var trx = Path.Combine(results, $"{Path.GetFileNameWithoutExtension(project)}.trx");
        File.Delete(trx);
        string[] filtered = filter is null ? [] : ["-filterVSTest", filter];
        // An xunit.v3 project is its own runner.
        var program = Path.Combine(Path.GetDirectoryName(project)!, "bin", "Release", "net10.0", $"{Path.GetFileNameWithoutExtension(project)}.dll");
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(ProjectLimit);
        try
        {
            var (exitCode, output) = await Executables.RunAsync("dotnet", [program, "-noColor", "-noAutoReporters", "-result-trx", trx, .. filtered], user: null, limit.Token);
            var run = File.Exists(trx) ? TestRun.ParseTrx(XDocument.Load(trx)) : new([], []);
            var wrong = run.Errors.Count > 0 || run.Results.Any(result => result.Outcome == TestOutcome.Failed);
            if (exitCode != 0 && !wrong)
                return run with { Errors = [$"The run ended with exit code {exitCode}:{Environment.NewLine}{LastLines(output)}"] };
            return run.Results.Count == 0 && filter is null && !wrong ? run with { Errors = [$"The run reported no test:{Environment.NewLine}{LastLines(output)}"] } : run;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new([], [$"The run was ended after {ProjectLimit.TotalMinutes} minutes."]);
        }
    }

    private static string LastLines(string output) => string.Join(Environment.NewLine, output.Split('\n').Select(line => line.TrimEnd()).Where(line => line.Length > 0).TakeLast(20));

    private static void Print(string name, TestRun run, TimeSpan elapsed)
    {
        var counts = run.Results.CountBy(result => result.Outcome).ToDictionary();
        var bad = run.Errors.Count > 0 || counts.ContainsKey(TestOutcome.Failed);
        var summary = $"{counts.GetValueOrDefault(TestOutcome.Passed)} passed, {counts.GetValueOrDefault(TestOutcome.Failed)} failed, {counts.GetValueOrDefault(TestOutcome.Skipped)} skipped in {StartView.Seconds(elapsed)}";
        AnsiConsole.MarkupLine($"{(bad ? "[red]failed[/] " : "[green]ok[/]     ")}  {Markup.Escape(name)}: {summary}");
        foreach (var result in run.Results.Where(result => result is { Outcome: TestOutcome.Passed, Message.Length: > 0 }))
            AnsiConsole.WriteLine($"  {result.Name}{Environment.NewLine}{Indent(result.Message)}");
        foreach (var result in run.Results.Where(result => result.Outcome == TestOutcome.Failed))
            AnsiConsole.WriteLine($"  failed: {result.Name}{Environment.NewLine}{Indent(result.Message)}{Environment.NewLine}{Indent(result.StackTrace)}");
        foreach (var result in run.Results.Where(result => result.Outcome == TestOutcome.Skipped))
            AnsiConsole.WriteLine($"  skipped: {result.Name}: {result.Message}");
        foreach (var error in run.Errors)
            AnsiConsole.WriteLine($"  failed: {name}{Environment.NewLine}{Indent(error)}");
    }

    private static string Indent(string text) => string.Join(Environment.NewLine, text.Split('\n').Select(line => $"    {line.TrimEnd()}"));
}
