using System.CommandLine;
using ShopMesh.Hosting;
using Spectre.Console;

namespace ShopMesh.Cli.Commands;

/// <summary><c>down</c>: stops the shop of this clone, however it was started.</summary>
internal static class DownCommand
{
    public static Command Create()
    {
        var command = new Command("down", "Stop the shop; its data stay.");
        command.SetAction(async _ =>
        {
            AnsiConsole.WriteLine(await LocalShop.StopAsync(Repository.StateDirectory) ? "The shop is down; its data stay." : "No shop is up.");
            return ExitCodes.Ok;
        });
        return command;
    }
}
