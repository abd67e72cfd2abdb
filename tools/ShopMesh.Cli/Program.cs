using System.CommandLine;
using ShopMesh;
using ShopMesh.Cli;
using ShopMesh.Cli.Commands;
using ShopMesh.Hosting;
using ShopMesh.Load;
using Spectre.Console;

// Spectre wraps at 80 columns where it knows no width; a file or a pipe has none.
if (Console.IsOutputRedirected)
    AnsiConsole.Profile.Width = 1_000;

var root = new RootCommand("ShopMesh: an online shop of small services, on this machine.")
{
    UpCommand.Create(),
    DownCommand.Create(),
    StatusCommand.Create(),
    LogsCommand.Create(),
    AuditCommand.Create(),
    LoadCommand.Create(),
    KubernetesCommand.Create(),
    BenchCommand.Create(),
    ComposeCommand.Create(),
    ScaleCommand.Create(),
    TestCommand.Create(),
    // The script has heeded it.
    new Option<bool>("--no-build") { Description = "Run what was built, even if the sources have changed since.", Recursive = true },
};

try
{
    // Ctrl-C and SIGTERM cancel the command, which then has this long to stop what it started.
    return await root.Parse(args).InvokeAsync(new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromSeconds(10) });
}
catch (Exception e) when (e is ShopException or AuditException or LoadException)
{
    await Console.Error.WriteLineAsync($"shopmesh: {e.Message}");
    return e is AuditException or LoadException ? ExitCodes.Unreachable : ExitCodes.Failed;
}
catch (OperationCanceledException)
{
    return ExitCodes.Interrupted;
}
