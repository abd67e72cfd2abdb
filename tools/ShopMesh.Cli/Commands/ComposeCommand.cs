using System.CommandLine;
using System.Diagnostics;
using ShopMesh.Cli.Containers;
using ShopMesh.Hosting;
using Spectre.Console;

namespace ShopMesh.Cli.Commands;

/// <summary><c>compose</c>: the shop in containers on this machine.</summary>
internal static class ComposeCommand
{
    private const string Observability = "observability";

    private static readonly Tool Docker = new("docker", "it runs the containers (https://docs.docker.com/get-docker/)");

    public static Command Create()
    {
        var profile = new Option<string[]>("--profile") { Description = "What to run beside the shop.", DefaultValueFactory = _ => [], AllowMultipleArgumentsPerToken = true };
        profile.AcceptOnlyFromAmong(Observability);
        var up = new Command("up", "Build the images, and start the shop on http://localhost:8080.") { profile };
        up.SetAction(async (arguments, cancellationToken) =>
        {
            var watch = Stopwatch.StartNew();
            var profiles = arguments.GetRequiredValue(profile);
            if (profiles.Contains(Observability))
                Environment.SetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317");
            await ComposeAsync([.. profiles.SelectMany(name => new[] { "--profile", name }), "up", "--detach", "--build", "--wait"], cancellationToken);
            AnsiConsole.WriteLine($"The shop is up at http://localhost:{UpCommand.DefaultPort} after {StartView.Seconds(watch.Elapsed)}. './shopmesh compose down' stops it; its data stay.");
            if (profiles.Contains(Observability))
                AnsiConsole.WriteLine("Its traces, metrics and logs are at http://localhost:18888.");
            return ExitCodes.Ok;
        });

        var purge = new Option<bool>("--purge") { Description = "Also the volumes." };
        var down = new Command("down", "Stop the shop; its volumes stay.") { purge };
        down.SetAction(async (arguments, cancellationToken) =>
        {
            string[] volumes = arguments.GetValue(purge) ? ["--volumes"] : [];
            await ComposeAsync(["--profile", "*", "down", .. volumes], cancellationToken);
            AnsiConsole.WriteLine($"Stopped; {(arguments.GetValue(purge) ? "its data are gone" : "its volumes stay")}.");
            return ExitCodes.Ok;
        });
        return new("compose", "The shop in containers on this machine.") { up, down };
    }

    private static Task<string> ComposeAsync(IReadOnlyList<string> arguments, CancellationToken cancellationToken) =>
        Docker.RunAsync(["compose", "--file", Path.Combine(Repository.Root, "docker-compose.yml"), .. arguments], cancellationToken);
}
