using System.Diagnostics;
using ShopMesh.Cli.Containers;
using Spectre.Console;

namespace ShopMesh.Cli;

/// <summary>Workloads on their way to readiness: a table in a terminal, a line for each that is through elsewhere.</summary>
internal sealed class RolloutView
{
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private readonly Dictionary<string, TimeSpan> _done = [];
    private readonly bool _live = AnsiConsole.Profile.Capabilities.Interactive && !Console.IsOutputRedirected;
    private LiveDisplayContext? _display;

    public Task<T> ShowAsync<T>(Func<Task<T>> rollout) => !_live ? rollout() : AnsiConsole.Live(new Grid()).StartAsync(display =>
    {
        _display = display;
        return rollout();
    });

    public void Report(IReadOnlyList<Workload> workloads)
    {
        foreach (var workload in workloads.Where(workload => workload.IsDone && _done.TryAdd(workload.Name, _watch.Elapsed)))
        {
            if (!_live)
                AnsiConsole.WriteLine($"{workload.Name,-20} {workload.Ready} ready after {StartView.Seconds(_done[workload.Name])}");
        }

        _display?.UpdateTarget(Draw(workloads));
    }

    private Grid Draw(IReadOnlyList<Workload> workloads)
    {
        var grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn(new GridColumn().NoWrap().RightAligned()).AddColumn(new GridColumn().NoWrap().RightAligned()).AddColumn();
        foreach (var workload in workloads)
        {
            grid.AddRow(
                $"{(workload.IsDone ? "[green]●[/]" : "[yellow]○[/]")} {workload.Name}",
                $"{workload.Ready}/{workload.Wanted}",
                $"[grey]{StartView.Seconds(_done.GetValueOrDefault(workload.Name, _watch.Elapsed))}[/]",
                $"[red]{Markup.Escape(workload.Problem)}[/]{(workload.Restarts > 0 ? $" {workload.Restarts} restarts" : "")}");
        }

        return grid;
    }
}
