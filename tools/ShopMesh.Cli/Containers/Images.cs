using System.Diagnostics;
using ShopMesh.Hosting;
using Spectre.Console;

namespace ShopMesh.Cli.Containers;

/// <param name="Name">As the manifests have it, such as <c>shopmesh/catalog</c>.</param>
/// <param name="Reference">Where a cluster finds it, with its tag.</param>
internal sealed record Image(string Name, string Reference);

/// <summary>The shop's images: built side by side, and brought to where a cluster finds them.</summary>
internal static class Images
{
    private const string Postgres = "postgres:17";

    private static readonly Tool Docker = new("docker", "images are built with it (https://docs.docker.com/get-docker/)");

    private static IEnumerable<(string Name, string Dockerfile)> Sources =>
    [
        .. Topology.Services.Select(service => ($"shopmesh/{service.Name}", $"{service.Folder}/Dockerfile")),
        ("shopmesh/load", "tests/ShopMesh.Load/Dockerfile"),
    ];

    /// <summary>Builds all of them; each is tagged <c>dev</c>, and with its version, or else by what is in it, so that a cluster sees what has changed.</summary>
    /// <exception cref="ShopException">There is no Docker engine, or one does not build.</exception>
    public static async Task<IReadOnlyList<Image>> BuildAsync(string? version, string? registry, CancellationToken cancellationToken)
    {
        var watch = Stopwatch.StartNew();
        if ((await Docker.TryAsync(["info"], cancellationToken)).ExitCode != 0)
            throw new ShopException("The Docker engine does not answer: start it, and try again.");
        var images = new List<Image>();
        var options = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(Sources, options, async (source, cancellation) =>
        {
            // The builder takes the machine's network as it is, proxies and all.
            await Docker.RunAsync(["build", "--progress=plain", "--network=host", "--build-arg", $"VERSION={version ?? "dev"}", "--tag", $"{source.Name}:dev",
                "--file", Path.Combine(Repository.Root, source.Dockerfile), Repository.Root], cancellation);
            var id = (await Docker.RunAsync(["image", "inspect", "--format", "{{.Id}}", $"{source.Name}:dev"], cancellation)).Trim();
            var name = registry is null ? source.Name : $"{registry.TrimEnd('/')}/{source.Name}";
            var image = new Image(source.Name, $"{name}:{version ?? id.Split(':')[^1][..12]}");
            await Docker.RunAsync(["tag", id, image.Reference], cancellation);
            lock (images)
                images.Add(image);
        });
        AnsiConsole.WriteLine($"{images.Count} images built in {StartView.Seconds(watch.Elapsed)}.");
        return [.. images.OrderBy(image => image.Name, StringComparer.Ordinal)];
    }

    /// <returns>What each service's image adds to the layers that all of them share, in bytes, compressed.</returns>
    public static async Task<IReadOnlyDictionary<string, long>> OwnLayersAsync(IReadOnlyList<Image> images, CancellationToken cancellationToken)
    {
        var archive = Path.GetTempFileName();
        try
        {
            // The load generator's image is of another base.
            var services = Topology.Services.Select(service => images.Single(image => image.Name == $"shopmesh/{service.Name}").Reference);
            await Docker.RunAsync(["save", "--output", archive, .. services], cancellationToken);
            return await ImageArchive.OwnLayersAsync(archive, cancellationToken);
        }
        finally
        {
            File.Delete(archive);
        }
    }

    /// <summary>Brings images to where the cluster finds them: its own store, or a registry.</summary>
    /// <param name="present">What its nodes have.</param>
    /// <exception cref="ShopException">Nobody knows how, or it failed.</exception>
    public static async Task DeliverAsync(IReadOnlyList<Image> images, string context, string? registry, string? loadWith, IReadOnlySet<string> present, CancellationToken cancellationToken)
    {
        var watch = Stopwatch.StartNew();
        if (registry is not null)
        {
            foreach (var image in images)
                await Docker.RunAsync(["push", "--quiet", image.Reference], cancellationToken);
            AnsiConsole.WriteLine($"Pushed to {registry} in {StartView.Seconds(watch.Elapsed)}.");
            return;
        }

        List<string> wanted = [.. images.Select(image => image.Reference)];
        // A cluster that can pull it does.
        if ((await Docker.TryAsync(["image", "inspect", Postgres], cancellationToken)).ExitCode == 0)
            wanted.Add(Postgres);
        wanted.RemoveAll(present.Contains);
        if (wanted.Count == 0)
            return;

        var load = (context, loadWith) switch
        {
            (_, { } command) => new Tool("sh", "it runs the command of --load-with").RunAsync(["-c", $"{command} \"$@\"", "sh", .. wanted], cancellationToken),
            (['k', 'i', 'n', 'd', '-', .. var name], _) => new Tool("kind", "the context is a kind cluster").RunAsync(["load", "docker-image", "--name", name, .. wanted], cancellationToken),
            (['k', '3', 'd', '-', .. var name], _) => new Tool("k3d", "the context is a k3d cluster").RunAsync(["image", "import", "--cluster", name, .. wanted], cancellationToken),
            ("minikube", _) => new Tool("minikube", "the context is a minikube cluster").RunAsync(["image", "load", .. wanted], cancellationToken),
            // They run on the engine that has built them.
            ("docker-desktop" or "orbstack" or "rancher-desktop", _) => Task.FromResult(""),
            _ => throw new ShopException($"How do images get to the cluster '{context}'? Say --registry HOST/PATH, which it pulls from, or --load-with 'COMMAND', which is run with the images' names."),
        };
        await load;
        AnsiConsole.WriteLine($"{wanted.Count} images loaded in {StartView.Seconds(watch.Elapsed)}.");
    }
}
