using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Serialization;
using ShopMesh.Bench.Measuring;

namespace ShopMesh.Bench;

/// <summary>What it was measured on.</summary>
/// <param name="Postgres">The server's major version; null where several ran.</param>
public sealed record Machine(string Processor, int Cores, double MemoryGiB, string System, string Runtime, int? Postgres)
{
    public static Machine Read(int? postgres) => new(
        File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString(),
        Environment.ProcessorCount,
        GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1_073_741_824.0,
        RuntimeInformation.OSDescription,
        RuntimeInformation.FrameworkDescription,
        postgres);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Cores} cores ({Processor}), {MemoryGiB:0} GiB, {System}, {Runtime}{(Postgres is { } major ? $", PostgreSQL {major}" : "")}");
}

/// <summary>A whole run, for people and for programs.</summary>
/// <param name="Published">Whether the services were compiled ahead of time, as in their images.</param>
/// <param name="Notes">What could not be measured, and what to do about it.</param>
internal sealed record BenchReport(
    DateTimeOffset At,
    Machine Machine,
    int Rounds,
    double WindowSeconds,
    bool Published,
    IReadOnlyList<Result> Results,
    OrderCapacity? Orders,
    IReadOnlyList<StorageResult> Storage,
    IReadOnlyList<StartResult> Starts,
    IReadOnlyList<MemoryResult> Memory,
    IReadOnlyList<SizeResult> Sizes,
    IReadOnlyList<Goal> Goals,
    IReadOnlyList<string> Notes)
{
    /// <summary>How it was measured, in a sentence.</summary>
    public string Preface => string.Create(CultureInfo.InvariantCulture,
        $"Measured {At:yyyy-MM-dd} on {Machine}; services {(Published ? "compiled ahead of time, as in their images" : "as built")}; medians of {Rounds} rounds of {WindowSeconds:0.#} s, with the least and the most in brackets.");

    /// <summary>The tables of docs/performance.md.</summary>
    public string ToMarkdown()
    {
        var text = new StringBuilder();
        text.AppendLine(Preface);
        foreach (var table in Tables())
        {
            text.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"### {table.Title}");
            text.AppendLine(CultureInfo.InvariantCulture, $"| {string.Join(" | ", table.Columns)} |");
            text.AppendLine(CultureInfo.InvariantCulture, $"|{string.Concat(table.Columns.Select((_, index) => index < table.Texts ? " --- |" : " ---: |"))}");
            foreach (var row in table.Rows)
                text.AppendLine(CultureInfo.InvariantCulture, $"| {string.Join(" | ", row.Select(cell => cell.Replace("|", "\\|", StringComparison.Ordinal)))} |");
        }

        foreach (var note in Notes)
            text.AppendLine().AppendLine(note);
        return text.ToString();
    }

    /// <summary>The same for a terminal and for Markdown.</summary>
    public IEnumerable<ReportTable> Tables()
    {
        if (Results.Count > 0)
        {
            yield return new("Requests, at as many a second as the machine gives", 2, ["name", "what", "per second", "p50 ms", "p99 ms", "CPU µs", "of which", "client µs"],
                [.. Results.Select(result => new[] { result.Name, result.What, Show(result.Rate), Show(result.P50.Median), Show(result.P99.Median), Show(result.Total), Split(result), Show(result.Client.Median) })]);
        }

        if (Orders is not null)
            yield return new("Orders without a backlog that grows", 1, ["", "per second"], [["highest rate that was sustained", Show(Orders.Highest)], ["lowest that was not", Show(Orders.Lowest)]]);
        if (Storage.Count > 0)
        {
            yield return new("Bytes that an order leaves in each database", 1, ["database", "bytes"],
                [.. Storage.Select(database => new[] { database.Database, Show(database.BytesPerOrder) }), ["all", Show(Storage.Sum(database => database.BytesPerOrder))]]);
        }

        if (Starts.Count > 0)
            yield return new("From process start to ready", 1, ["service", "ms", "CPU ms"], [.. Starts.Select(start => new[] { start.Name, Show(start.Ready), Show(start.Cpu) })]);
        if (Memory.Count > 0)
        {
            yield return new("Memory, MiB", 1, ["process", "idle: own", "idle: with its share of files (PSS)", "idle: resident", "after load: own", "after load: PSS", "after load: resident"],
            [
                .. Memory.Select(process => MemoryRow(process.Name, process.Idle, process.Loaded)),
                MemoryRow("all", Sum(Memory.Select(process => process.Idle)), Sum(Memory.Select(process => process.Loaded))),
            ]);
        }

        if (Sizes.Count > 0)
        {
            yield return new("CPU µs per request, by size", 1, ["what", .. Sizes.Select(size => string.Create(CultureInfo.InvariantCulture, $"{size.Products:N0} products, {size.Orders:N0} orders")), "of which, at the largest"],
                [.. Sizes[0].Results.Select((result, index) => (string[])[result.Name, .. Sizes.Select(size => Show(size.Results[index].Total)), Split(Sizes[^1].Results[index])])]);
        }

        if (Goals.Count > 0)
        {
            yield return new("Goals", 1, ["what", "reached", "goal", ""],
                [.. Goals.Select(goal => new[] { goal.What, $"{Show(goal.Reached)} {goal.Unit}", $"{(goal.MoreIsBetter ? "≥" : "≤")} {Show(goal.Bound)} {goal.Unit}", goal.IsMet ? "met" : "not met" })]);
        }
    }

    private static string[] MemoryRow(string name, MemoryUse idle, MemoryUse loaded) =>
        [name, .. new[] { idle.Anonymous, idle.Proportional, idle.Resident, loaded.Anonymous, loaded.Proportional, loaded.Resident }.Select(bytes => Bench.Goals.MiB(bytes).ToString("0", CultureInfo.InvariantCulture))];

    private static MemoryUse Sum(IEnumerable<MemoryUse> uses) => uses.Aggregate((sum, one) => new(sum.Anonymous + one.Anonymous, sum.Proportional + one.Proportional, sum.Resident + one.Resident));

    private static string Split(Result result) => string.Join(" + ", result.Cpu.Select(process => $"{process.Key} {Show(process.Value.Median)}"));

    internal static string Show(Spread spread) => spread.Low == spread.High ? Show(spread.Median) : $"{Show(spread.Median)} [{Show(spread.Low)}–{Show(spread.High)}]";

    /// <summary>Three digits that count.</summary>
    internal static string Show(double value) => value switch
    {
        double.PositiveInfinity => "none",
        >= 100 => value.ToString("#,##0", CultureInfo.InvariantCulture),
        >= 10 => value.ToString("0.0", CultureInfo.InvariantCulture),
        _ => value.ToString("0.00", CultureInfo.InvariantCulture),
    };
}

/// <param name="Texts">How many columns, from the left, are no numbers.</param>
internal sealed record ReportTable(string Title, int Texts, IReadOnlyList<string> Columns, IReadOnlyList<string[]> Rows);

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(BenchReport))]
internal sealed partial class BenchJson : JsonSerializerContext;
