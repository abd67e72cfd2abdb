using System.Text.Json;
using System.Text.Json.Serialization;

namespace ShopMesh.Hosting;

/// <summary>A process of a running shop.</summary>
/// <param name="Name">The service, and from the second replica on its number: <c>ordering-2</c>; or <c>postgres</c>.</param>
/// <param name="Health">Where probes are answered; null for the database.</param>
/// <param name="Address">Where callers go: gRPC, the gateway's public port, or the database's.</param>
public sealed record ShopProcess(string Name, ProcessIdentity Process, string? Health, string Address, string LogFile);

/// <summary>What a running shop leaves in its directory, for whoever asks about it, stops it, or cleans up after it.</summary>
/// <param name="Owner">The program that started it, and that runs as long as it does unless it is detached.</param>
/// <param name="Gateway">The shop's address; null without a gateway.</param>
public sealed record ShopState(ProcessIdentity Owner, bool Detached, string? Gateway, DateTimeOffset StartedAt, IReadOnlyList<ShopProcess> Processes)
{
    internal const string DatabaseName = "postgres";

    /// <summary>Whether it is meant to run: its owner is there, or it needs none and some of it is there.</summary>
    [JsonIgnore]
    public bool IsUp => Owner.IsAlive || Detached && Processes.Any(process => process.Process.IsAlive);

    /// <summary>Null when no shop runs on this directory, and none crashed.</summary>
    public static ShopState? Read(string directory)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(FileOf(directory)), HostingJson.Default.ShopState);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    internal void Write(string directory) => Secrets.WriteFile(FileOf(directory), JsonSerializer.Serialize(this, HostingJson.Default.ShopState));

    internal static void Delete(string directory) => File.Delete(FileOf(directory));

    /// <summary>Ends every process of it that is still there, the database last.</summary>
    internal async Task EndProcessesAsync()
    {
        await Task.WhenAll(Processes.Where(process => process.Name != DatabaseName).Select(process => process.Process.EndAsync(Signal.Terminate, LocalShop.Grace)));
        await Task.WhenAll(Processes.Where(process => process.Name == DatabaseName).Select(process => EmbeddedPostgres.EndAsync(process.Process)));
    }

    private static string FileOf(string directory) => Path.Combine(directory, "shop.json");
}
