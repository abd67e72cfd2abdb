using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using ShopMesh.Hosting;

namespace ShopMesh.Manifests.Tests;

/// <summary>What the code says of itself: the manifests are held against it.</summary>
internal static partial class Sources
{
    private const string Defaults = "services/shared/ShopMesh.ServiceDefaults";

    /// <summary>How long a request may take: what the gateway gives one.</summary>
    public static TimeSpan LongestRequest => TimeSpan.Parse((string)Settings("gateway/appsettings.json")["Limits__RequestTimeout"]!, CultureInfo.InvariantCulture);

    /// <summary>How long a service that was asked to stop goes on after its drain.</summary>
    public static TimeSpan ShutdownAfterDrain => TimeSpan.FromSeconds(int.Parse(AfterDrain().Match(Read($"{Defaults}/Operations.cs")).Groups[1].Value, CultureInfo.InvariantCulture));

    /// <summary>The paths that answer on the operations port, such as <c>/metrics</c>.</summary>
    public static IReadOnlyList<string> OperationsPaths => [.. OperationsPath().Matches(Read($"{Defaults}/Operations.cs")).Select(match => match.Groups[1].Value).Distinct()];

    public static string Read(string path) => File.ReadAllText(Path.Combine(Repository.Root, path));

    /// <summary>The ports that a service listens on, named as in the manifests.</summary>
    public static Dictionary<string, int> PortsOf(MeshService service) =>
        Endpoint().Matches(Read(service.IsGateway ? "gateway/Program.cs" : $"{Defaults}/ServiceDefaults.cs"))
            .ToDictionary(match => match.Groups[1].Value.ToLowerInvariant(), match => int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture));

    /// <summary>The name of the port that answers probes and Prometheus.</summary>
    public static string OperationsPortOf(MeshService service) =>
        OperationsEndpoint().Match(Read(service.IsGateway ? "gateway/Program.cs" : $"{Defaults}/ServiceDefaults.cs")).Groups[1].Value.ToLowerInvariant();

    /// <summary>Everything in a file of settings, named as in an environment: <c>Limits__RequestTimeout</c>.</summary>
    public static Dictionary<string, JsonNode?> Settings(string path) => Flatten(JsonNode.Parse(Read(path))).ToDictionary();

    private static IEnumerable<KeyValuePair<string, JsonNode?>> Flatten(JsonNode? node, string name = "") => node switch
    {
        JsonObject section => section.SelectMany(item => Flatten(item.Value, name.Length == 0 ? item.Key : $"{name}__{item.Key}")),
        JsonArray list => list.SelectMany((item, index) => Flatten(item, $"{name}__{index}")),
        _ => [new(name, node)],
    };

    [GeneratedRegex("""new\("(\w+)", "http://\*:(\d+)", "Http[12]"\)""")]
    private static partial Regex Endpoint();

    [GeneratedRegex("""UseOperations\("(\w+)" """, RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex OperationsEndpoint();

    [GeneratedRegex(""" "(/[\w/]+)" """, RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex OperationsPath();

    [GeneratedRegex(@"LongestRequest = TimeSpan\.FromSeconds\((\d+)\)")]
    private static partial Regex AfterDrain();
}
