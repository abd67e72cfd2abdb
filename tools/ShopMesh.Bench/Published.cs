using System.Runtime.InteropServices;
using ShopMesh.Hosting;

namespace ShopMesh.Bench;

/// <summary>The services as their Dockerfiles publish them: compiled ahead of time. What was published before is made anew only where its sources have changed.</summary>
internal static class Published
{
    /// <returns>A folder with one for each service.</returns>
    /// <exception cref="ShopException">One does not compile.</exception>
    public static async Task<string> PrepareAsync(Action<string> progress, CancellationToken cancellationToken)
    {
        var directory = Path.Combine(Repository.StateDirectory, "published");
        foreach (var service in Topology.Services)
        {
            progress($"publishing {service.Name}");
            var (exitCode, output) = await Executables.RunAsync("dotnet",
                [
                    "publish", Path.Combine(Repository.Root, service.Folder), "--configuration", "Release", "--arch", RuntimeInformation.OSArchitecture == Architecture.Arm64 ? "arm64" : "x64",
                    "--no-self-contained", "-p:PublishReadyToRun=true", "-p:RunAnalyzers=false", "--artifacts-path", Path.Combine(directory, "artifacts"), "--output", Path.Combine(directory, service.Name),
                    "--verbosity", "quiet", "--nologo", "--disable-build-servers",
                ],
                user: null, cancellationToken);
            if (exitCode != 0)
                throw new ShopException($"{service.Name} cannot be published:{Environment.NewLine}{output.Trim()}");
        }

        return directory;
    }
}
