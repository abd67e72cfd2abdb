using System.CommandLine;
using System.Text.Json;
using ShopMesh.Bench;
using Spectre.Console;

namespace ShopMesh.Cli.Commands;

/// <summary><c>bench</c>: everything against its limit, on a shop of its own that is gone afterwards.</summary>
internal static class BenchCommand
{
    public static Command Create()
    {
        var quick = new Option<bool>("--quick") { Description = "3 rounds of 1 s, 10,000 products, and services as built instead of compiled ahead of time: for a first look." };
        var only = new Option<string[]>("--only") { Description = $"What to measure, with its limits: {string.Join(", ", BenchOptions.Names)}.", DefaultValueFactory = _ => [], AllowMultipleArgumentsPerToken = true };
        only.AcceptOnlyFromAmong([.. BenchOptions.Names]);
        var rounds = new Option<int?>("--rounds") { Description = "How often each is measured, in turn; 5 by default." };
        rounds.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < 1 or > 100)
                result.AddError("--rounds takes a number from 1 to 100.");
        });
        var sizes = new Option<bool>("--sizes") { Description = "Instead: CPU per request as the catalog grows to 100,000 products and the order book to 1,000,000 orders." };
        var report = new Option<FileInfo[]>("--report") { Description = "Where to write the report: Markdown for a name that ends with .md, else JSON. May be given twice.", DefaultValueFactory = _ => [] };
        var command = new Command("bench", "Measure everything against its limit, in one run on this machine.") { quick, only, rounds, sizes, report };
        command.SetAction((arguments, cancellationToken) =>
        {
            var options = arguments.GetValue(quick)
                ? new BenchOptions(WarmUps: 1, Rounds: 3, Window: TimeSpan.FromSeconds(1), Products: 10_000, Customers: 80, Published: false, Only: arguments.GetRequiredValue(only), Sizes: arguments.GetValue(sizes))
                : new BenchOptions(WarmUps: 2, Rounds: 5, Window: TimeSpan.FromSeconds(3), Products: 100_000, Customers: 240, Published: true, Only: arguments.GetRequiredValue(only), Sizes: arguments.GetValue(sizes));
            options = options with { Rounds = arguments.GetValue(rounds) ?? options.Rounds };
            return RunAsync(options, arguments.GetRequiredValue(report), cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(BenchOptions options, FileInfo[] files, CancellationToken cancellationToken)
    {
        var report = Console.IsOutputRedirected
            ? await new Benchmark(options, AnsiConsole.WriteLine, cancellationToken).RunAsync()
            : await AnsiConsole.Status().StartAsync("starting", status => new Benchmark(options, step => status.Status(Markup.Escape(step)), cancellationToken).RunAsync());

        AnsiConsole.WriteLine(report.Preface);
        foreach (var table in report.Tables())
        {
            AnsiConsole.WriteLine();
            AnsiConsole.Write(Draw(table));
        }

        foreach (var note in report.Notes)
            AnsiConsole.MarkupLineInterpolated($"[yellow]{note}[/]");
        foreach (var file in files)
        {
            await File.WriteAllTextAsync(file.FullName, file.Extension == ".md" ? report.ToMarkdown() : JsonSerializer.Serialize(report, BenchJson.Default.BenchReport), CancellationToken.None);
            AnsiConsole.WriteLine($"Written to {file.FullName}.");
        }

        return ExitCodes.Ok;
    }

    private static Table Draw(ReportTable table)
    {
        var drawn = new Table().Border(TableBorder.Simple).Title(table.Title, Style.Plain);
        foreach (var (index, column) in table.Columns.Index())
            drawn.AddColumn(index < table.Texts ? new TableColumn(column) : new TableColumn(column).RightAligned());
        foreach (var row in table.Rows)
            drawn.AddRow([.. row.Select(cell => cell switch { "met" => "[green]met[/]", "not met" => "[red]not met[/]", _ => Markup.Escape(cell) })]);
        return drawn;
    }
}
