using System.CommandLine;
using System.Globalization;
using ShopMesh.Hosting;
using ShopMesh.Load;
using ShopMesh.Load.Reporting;
using Spectre.Console;

namespace ShopMesh.Cli.Commands;

/// <summary><c>load</c>: exit code 1 when a request failed, 2 when there is no shop to load.</summary>
internal static class LoadCommand
{
    public static Command Create()
    {
        var load = new LoadArguments(() => new(ShopState.Read(Repository.StateDirectory)?.Gateway ?? $"http://localhost:{UpCommand.DefaultPort}"));
        var report = new Option<string?>("--report") { Description = "Where to write the report, without an extension: it becomes .json and .html. By default in .shopmesh/load, by its time." };
        var command = new Command("load", "Load a shop with customers' journeys, at a rate that does not wait for it, and check the answers.") { report };
        load.AddTo(command);
        command.SetAction((arguments, cancellationToken) => RunAsync(load, arguments, arguments.GetValue(report), cancellationToken));

        var file = new Argument<FileInfo>("FILE") { Description = "A report as JSON, or a Job's log that ends with one." };
        file.AcceptExistingOnly();
        var page = new Command("page", "Make the page of a report.") { file };
        page.SetAction(async (arguments, cancellationToken) =>
        {
            var source = arguments.GetRequiredValue(file);
            var lines = await File.ReadAllLinesAsync(source.FullName, cancellationToken);
            var path = Path.ChangeExtension(source.FullName, null);
            AnsiConsole.WriteLine($"{await ReportFiles.WriteAsync(ReportFiles.FromJson(lines.LastOrDefault(line => line.StartsWith('{')) ?? ""), path, cancellationToken)}");
            return ExitCodes.Ok;
        });
        command.Subcommands.Add(page);
        return command;
    }

    private static async Task<int> RunAsync(LoadArguments load, ParseResult arguments, string? path, CancellationToken cancellationToken)
    {
        var (options, customers) = LoadView.IsLive
            ? await AnsiConsole.Status().StartAsync("…", status => load.PrepareAsync(arguments, new StatusLine(status), cancellationToken))
            : await load.PrepareAsync(arguments, new Lines(), cancellationToken);
        await using var running = await OpenLoop.StartAsync(options, customers, cancellationToken);
        if (LoadView.IsLive)
            await new LoadView(options).FollowAsync(running, cancellationToken);
        else
            await PlainLines.FollowAsync(running, Console.Out, cancellationToken);

        // Ctrl-C ends the load, and what there was is reported all the same.
        var report = await running.StopAsync();
        AnsiConsole.WriteLine();
        AnsiConsole.WriteLine(report.ToString());
        path ??= Path.Combine(Repository.StateDirectory, "load", report.Started.ToLocalTime().ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture));
        var page = await ReportFiles.WriteAsync(report, path, CancellationToken.None);
        AnsiConsole.MarkupLine(report.Failed == 0 ? "[green]Every answer was right.[/]" : $"[red]{report.Failed} requests failed.[/]");
        AnsiConsole.MarkupLineInterpolated($"[link=file://{page.FullName}]{page.FullName}[/] shows it.");
        return report.Failed == 0 ? ExitCodes.Ok : ExitCodes.Failed;
    }

    private sealed class StatusLine(StatusContext status) : IProgress<string>
    {
        public void Report(string value) => status.Status(Markup.Escape(value));
    }

    private sealed class Lines : IProgress<string>
    {
        public void Report(string value) => AnsiConsole.WriteLine(value);
    }
}
