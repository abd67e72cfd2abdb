using System.Diagnostics;
using System.Globalization;
using ShopMesh.Hosting;
using Spectre.Console;

namespace ShopMesh.Cli;

/// <summary>The start of a shop as it happens: a table that fills in a terminal, a line per event elsewhere.</summary>
internal sealed class StartView : IProgress<StartProgress>
{
    private readonly Lock _lock = new();
    private readonly List<Row> _rows = [];
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private readonly bool _live = AnsiConsole.Profile.Capabilities.Interactive && !Console.IsOutputRedirected;

    public TimeSpan Elapsed => _watch.Elapsed;

    public async Task<T> ShowAsync<T>(Task<T> start)
    {
        if (!_live)
            return await start;
        await AnsiConsole.Live(Draw()).StartAsync(async display =>
        {
            while (!start.IsCompleted)
            {
                display.UpdateTarget(Draw());
                await Task.WhenAny(start, Task.Delay(100));
            }

            display.UpdateTarget(Draw());
        });
        return await start;
    }

    public void Report(StartProgress value)
    {
        lock (_lock)
        {
            var row = _rows.Find(row => row.Progress.Name == value.Name);
            if (row is null)
                _rows.Add(row = new() { Since = Elapsed, Progress = value });
            row.Progress = value;
            if (value.Stage == StartStage.Ready)
                row.Took = Elapsed - row.Since;
            if (!_live)
                AnsiConsole.WriteLine(row.Took is { } took ? $"{value.Name,-12} ready after {Seconds(took)} at {value.Detail}" : $"{value.Name,-12} {value.Detail}");
        }
    }

    public static string Seconds(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.0} s");

    private Grid Draw()
    {
        var grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn(new GridColumn().NoWrap().RightAligned()).AddColumn();
        lock (_lock)
        {
            foreach (var row in _rows)
            {
                var (mark, time) = row.Took is { } took ? ("[green]●[/]", took) : ("[yellow]○[/]", Elapsed - row.Since);
                grid.AddRow($"{mark} {row.Progress.Name}", $"[grey]{Seconds(time)}[/]", row.Took is null ? $"[grey]{Markup.Escape(row.Progress.Detail)}[/]" : Markup.Escape(row.Progress.Detail));
            }
        }

        return grid;
    }

    private sealed class Row
    {
        public required StartProgress Progress { get; set; }

        public required TimeSpan Since { get; init; }

        public TimeSpan? Took { get; set; }
    }
}
