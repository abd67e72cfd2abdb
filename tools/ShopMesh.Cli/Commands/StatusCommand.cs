using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using ShopMesh.Hosting;
using Spectre.Console;

namespace ShopMesh.Cli.Commands;

/// <summary><c>status</c>: every process of the shop. Exit code 0 when all of them are ready.</summary>
internal static class StatusCommand
{
    public static Command Create()
    {
        var command = new Command("status", "Show the processes of the shop; exit code 0 when all are ready.");
        command.SetAction((_, cancellationToken) => RunAsync(cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        if (ShopState.Read(Repository.StateDirectory) is not { IsUp: true } state)
        {
            AnsiConsole.WriteLine("No shop is up: ./shopmesh up starts one.");
            return ExitCodes.Failed;
        }

        var states = await Task.WhenAll(state.Processes.Select(process => StateAsync(process, cancellationToken)));
        var up = TimeSpan.FromSeconds(Math.Floor((DateTimeOffset.UtcNow - state.StartedAt).TotalSeconds));
        AnsiConsole.WriteLine($"The shop at {state.Gateway}, started {up:c} ago{(state.Detached ? "" : $" by process {state.Owner.Pid}")}");

        var table = new Table().Border(TableBorder.None).AddColumns("NAME", "STATE", "PID").AddColumn(new TableColumn("MEMORY").RightAligned()).AddColumn("ADDRESS").AddColumn("PROBES");
        foreach (var (process, health) in state.Processes.Zip(states))
            table.AddRow(process.Name, health == "ready" ? "[green]ready[/]" : $"[red]{health}[/]", $"{process.Process.Pid}", Memory(process.Process), process.Address.TrimEnd('/'), process.Health?.TrimEnd('/') ?? "");
        AnsiConsole.Write(table);
        return states.All(health => health == "ready") ? ExitCodes.Ok : ExitCodes.Failed;
    }

    private static async Task<string> StateAsync(ShopProcess process, CancellationToken cancellationToken)
    {
        if (!process.Process.IsAlive)
            return "gone";
        if (process.Process.IsPaused)
            return "paused";
        return process.Health is null || await ServiceProcess.IsReadyAsync(new(process.Health), cancellationToken) ? "ready" : "not ready";
    }

    private static string Memory(ProcessIdentity identity)
    {
        if (!identity.IsAlive)
            return "";
        using var process = Process.GetProcessById(identity.Pid);
        return string.Create(CultureInfo.InvariantCulture, $"{process.WorkingSet64 / (1024.0 * 1024):0} MiB");
    }
}
