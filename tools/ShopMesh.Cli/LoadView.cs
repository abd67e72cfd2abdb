using System.Globalization;
using ShopMesh.Load;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace ShopMesh.Cli;

/// <summary>A load as it goes on, in a terminal.</summary>
internal sealed class LoadView(LoadOptions options)
{
    private const int History = 60;
    private const string Bars = "▁▂▃▄▅▆▇█";

    private readonly List<Second> _seconds = [];

    public static bool IsLive => AnsiConsole.Profile.Capabilities.Interactive && !Console.IsOutputRedirected;

    /// <summary>Shows it until its visits have ended.</summary>
    /// <param name="cancellationToken">Ends it early.</param>
    public Task FollowAsync(OpenLoop load, CancellationToken cancellationToken) => AnsiConsole.Live(new Markup("")).StartAsync(async display =>
    {
        var end = load.Scheduled.WaitAsync(cancellationToken);
        while (!end.IsCompleted)
        {
            await Task.WhenAny(end, Task.Delay(250, CancellationToken.None));
            display.UpdateTarget(Draw(load));
        }

        var stopped = load.StopAsync();
        while (await Task.WhenAny(stopped, Task.Delay(250, CancellationToken.None)) != stopped)
            display.UpdateTarget(Draw(load));
        display.UpdateTarget(Draw(load));
    });

    private Rows Draw(OpenLoop load)
    {
        var progress = load.Latest;
        if (progress.All is { } latest && (_seconds.Count == 0 || _seconds[^1].At != latest.At))
            _seconds.Add(latest);

        var table = new Table().Border(TableBorder.Rounded).BorderColor(Color.Grey);
        table.AddColumn("journey");
        foreach (var column in (string[])["offered/s", "answered/s", "p50 ms", "p99 ms", "max ms", "open", "requests", "failed"])
            table.AddColumn(new TableColumn(column).RightAligned());
        foreach (var journey in progress.Journeys)
            AddRow(journey.Journey, journey.Last, journey.Requests, journey.Failed);
        if (progress.All is { } all)
            AddRow("[bold]all[/]", all, load.Requests, load.Failures);

        List<IRenderable> rows = [Head(load, progress), table];
        var recent = _seconds.TakeLast(History).ToList();
        if (recent.Count > 1)
        {
            rows.Add(Curve("answered/s", "blue", recent.ConvertAll(second => second.Answered)));
            rows.Add(Curve("p99 ms", "yellow", recent.ConvertAll(second => second.P99 ?? 0)));
        }

        foreach (var group in progress.Failures.Take(5))
            rows.Add(Markup.FromInterpolated(CultureInfo.InvariantCulture, $"[red]{group.Count} ×[/] {group.First.Request} ({group.First.Service}): {group.First.Status?.ToString(CultureInfo.InvariantCulture) ?? group.First.Kind.ToString()} [grey]{Shorten(group.First.Detail)}[/]"));
        return new(rows);

        void AddRow(string name, Second second, long requests, long failed) => table.AddRow(
            name, Number(second.Offered), Number(second.Answered), Number(second.P50), Number(second.P99), Number(second.Max),
            second.Open.ToString(CultureInfo.InvariantCulture), requests.ToString("N0", CultureInfo.InvariantCulture), failed == 0 ? "[grey]0[/]" : $"[red]{failed.ToString("N0", CultureInfo.InvariantCulture)}[/]");
    }

    private Markup Head(OpenLoop load, LoadProgress progress)
    {
        const int width = 30;
        var (whole, now) = (options.Profile!.Duration, progress.Elapsed);
        var done = (int)Math.Min(width, width * (now / whole));
        var what = load.Scheduled.IsCompleted ? $"waiting for {load.Open} visits" : string.Create(CultureInfo.InvariantCulture, $"{now.TotalSeconds:0} of {whole.TotalSeconds:0} s, {options.Profile.Name}: {options.Profile.RateAt(now):0.#}/s now");
        return new($"[blue]{new string('━', done)}[/][grey]{new string('━', width - done)}[/] {Markup.Escape(what)} [grey]{Markup.Escape(options.Gateway.GetLeftPart(UriPartial.Authority))} {Markup.Escape(options.Mix.ToString())}[/]");
    }

    /// <summary>The last minute, from nothing to its highest.</summary>
    private static Markup Curve(string name, string color, List<double> values)
    {
        var most = Math.Max(values.Max(), 1e-9);
        return new($"[grey]{name,-10}[/] [{color}]{string.Concat(values.Select(value => Bars[(int)Math.Clamp(value / most * Bars.Length, 0, Bars.Length - 1)]))}[/] [grey]up to {Number(most)}[/]");
    }

    private static string Number(double? value) => value switch
    {
        null => "[grey]–[/]",
        >= 1_000 => value.Value.ToString("N0", CultureInfo.InvariantCulture),
        _ => value.Value.ToString("0.0", CultureInfo.InvariantCulture),
    };

    private static string Shorten(string text) => text.Length > 90 ? $"{text[..90]}…" : text;
}
