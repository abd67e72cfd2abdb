using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ShopMesh.Hosting;

/// <summary>What a shop keeps to itself, made once: the data mean nothing without it.</summary>
/// <param name="IdentityKey">Base64 of 32 bytes: encrypts identity's signing keys.</param>
/// <param name="Clients">By service: its secret as a client of identity.</param>
/// <param name="Databases">By service: the password of its database.</param>
internal sealed record Secrets(string IdentityKey, IReadOnlyDictionary<string, string> Clients, IReadOnlyDictionary<string, string> Databases)
{
    /// <summary>What is there, and something new for a service that came since.</summary>
    public static Secrets LoadOrCreate(string file)
    {
        var known = File.Exists(file) ? JsonSerializer.Deserialize(File.ReadAllBytes(file), HostingJson.Default.Secrets) : null;
        var secrets = new Secrets(
            known?.IdentityKey ?? Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)),
            Topology.Services.Where(service => service.IsClient).ToDictionary(service => service.Name, service => known?.Clients.GetValueOrDefault(service.Name) ?? Random()),
            Topology.Services.Where(service => service.HasDatabase).ToDictionary(service => service.Name, service => known?.Databases.GetValueOrDefault(service.Name) ?? Random()));
        WriteFile(file, JsonSerializer.Serialize(secrets, HostingJson.Default.Secrets));
        return secrets;
    }

    /// <summary>192 bits, as text that needs no escaping anywhere.</summary>
    public static string Random() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24));

    /// <summary>For the eyes of this user alone; all of it or nothing.</summary>
    public static void WriteFile(string file, string content)
    {
        var half = $"{file}.new";
        File.Delete(half);
        using (var stream = new FileStream(half, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
            stream.Write(Encoding.UTF8.GetBytes(content));
        File.Move(half, file, overwrite: true);
    }
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true)]
[JsonSerializable(typeof(Secrets))]
[JsonSerializable(typeof(ShopState))]
internal sealed partial class HostingJson : JsonSerializerContext;
