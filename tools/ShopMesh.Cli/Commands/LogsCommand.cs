using System.CommandLine;
using ShopMesh.Hosting;

namespace ShopMesh.Cli.Commands;

/// <summary><c>logs NAME</c>: what a process of the shop has printed.</summary>
internal static class LogsCommand
{
    public static Command Create()
    {
        var name = new Argument<string>("name") { Description = "A service, a replica such as ordering-2, or postgres." };
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on with what is added, until Ctrl-C." };
        var command = new Command("logs", "Print the log of a part of the shop.") { name, follow };
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var file = LocalShop.LogFile(Repository.StateDirectory, arguments.GetRequiredValue(name));
            try
            {
                await LogTail.CopyAsync(file, Console.Out, arguments.GetValue(follow), cancellationToken);
            }
            catch (OperationCanceledException)
            {
            }

            return ExitCodes.Ok;
        });
        return command;
    }
}
