using System.CommandLine;
using System.Diagnostics;
using ShopMesh.Hosting;
using Spectre.Console;

namespace ShopMesh.Cli.Commands;

/// <summary><c>up</c>: the whole shop, until Ctrl-C.</summary>
internal static class UpCommand
{
    public const int DefaultPort = 8080;

    public static Command Create()
    {
        var port = new Option<int>("--port") { Description = "The gateway's port.", DefaultValueFactory = _ => DefaultPort };
        port.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 65_535)
                result.AddError("--port takes a number from 1 to 65535.");
        });
        var detach = new Option<bool>("--detach", "-d") { Description = "Return when the shop is ready, and leave it running." };
        var fresh = new Option<bool>("--fresh") { Description = "Forget the data of earlier runs." };
        var command = new Command("up", "Start the whole shop, and stop it with Ctrl-C.") { port, detach, fresh };
        command.SetAction((arguments, cancellationToken) =>
            RunAsync(arguments.GetValue(port), arguments.GetValue(detach), arguments.GetValue(fresh), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(int port, bool detach, bool fresh, CancellationToken cancellationToken)
    {
        if (fresh)
            await LocalShop.ForgetAsync(Repository.StateDirectory);

        var view = new StartView();
        var options = new LocalShopOptions { Directory = Repository.StateDirectory, GatewayPort = port, Detached = detach };
        var shop = await view.ShowAsync(LocalShop.StartAsync(options, view, cancellationToken));
        await using (shop)
        {
            PrintWelcome(shop, view.Elapsed, detach);
            if (detach)
                shop.Release();
            else
                await FollowAsync(shop, cancellationToken);
        }

        return ExitCodes.Ok;
    }

    private static void PrintWelcome(LocalShop shop, TimeSpan elapsed, bool detached)
    {
        var address = shop.Gateway.ToString().TrimEnd('/');
        var url = shop.Gateway.Port == DefaultPort ? "" : $" --url {address}";
        AnsiConsole.WriteLine();
        AnsiConsole.MarkupLineInterpolated($"The shop is up at [link={address}]{address}[/] after {StartView.Seconds(elapsed)}; {address}/docs shows its API. {(detached ? "./shopmesh down stops it" : "Ctrl-C stops it")}; its data stay.");
        AnsiConsole.WriteLine("Try:");
        AnsiConsole.WriteLine($"  curl '{address}/api/catalog/products?limit=3'");
        AnsiConsole.WriteLine($"  curl -d 'grant_type=password&client_id=shopmesh&username=alice@example.com&password=Passw0rd!' {address}/connect/token");
        AnsiConsole.WriteLine($"  ./shopmesh audit{url}");
        AnsiConsole.WriteLine();
    }

    /// <summary>Tells when a process ends by itself, until it is cancelled; then stops them all.</summary>
    private static async Task FollowAsync(LocalShop shop, CancellationToken cancellationToken)
    {
        var ends = shop.Processes.Select(process => TellAsync(process.Name, process.WaitForExitAsync(cancellationToken))).ToList();
        if (shop.Postgres is { } postgres)
            ends.Add(TellAsync("postgres", postgres.WaitForExitAsync(cancellationToken)));
        await Task.WhenAll([.. ends, Task.Delay(Timeout.Infinite, cancellationToken)]).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        AnsiConsole.WriteLine("Stopping …");
        var watch = Stopwatch.StartNew();
        await shop.DisposeAsync();
        AnsiConsole.WriteLine($"Stopped after {StartView.Seconds(watch.Elapsed)}.");

        static async Task TellAsync(string name, Task<int> end) =>
            AnsiConsole.MarkupLineInterpolated($"[red]{name} ended with exit code {await end}[/]: ./shopmesh logs {name} tells why; Ctrl-C and ./shopmesh up start it again.");
    }
}
