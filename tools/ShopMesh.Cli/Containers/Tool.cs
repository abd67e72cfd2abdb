using ShopMesh.Hosting;

namespace ShopMesh.Cli.Containers;

/// <summary>A program that this one drives: docker, kubectl, kind.</summary>
internal sealed class Tool(string name, string whatItIsFor, params IReadOnlyList<string> always)
{
    /// <summary>Runs it to its end.</summary>
    /// <returns>What it printed.</returns>
    /// <exception cref="ShopException">It is not there, or it failed.</exception>
    public async Task<string> RunAsync(IReadOnlyList<string> arguments, CancellationToken cancellationToken)
    {
        var (exitCode, output) = await TryAsync(arguments, cancellationToken);
        return exitCode == 0 ? output : throw new ShopException($"'{name} {string.Join(' ', arguments)}' failed:{Environment.NewLine}{output.Trim()}");
    }

    /// <exception cref="ShopException">It is not there.</exception>
    public Task<(int ExitCode, string Output)> TryAsync(IReadOnlyList<string> arguments, CancellationToken cancellationToken)
    {
        var program = Executables.Find(name) ?? throw new ShopException($"{name} is missing: {whatItIsFor}.");
        return Executables.RunAsync(program, [.. always, .. arguments], user: null, cancellationToken);
    }
}
