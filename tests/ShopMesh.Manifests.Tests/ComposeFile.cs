using System.Text.Json;
using System.Text.Json.Nodes;

namespace ShopMesh.Manifests.Tests;

/// <summary>Every field that <c>docker-compose.yml</c> uses: one that is not here is a typo, or is to be added here and to what the tests know.</summary>
internal sealed record ComposeFile(string Name, Dictionary<string, ComposeService> Services, Dictionary<string, JsonElement?> Volumes)
{
    private static readonly JsonSerializerOptions Strict = new(Yaml.Strict) { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static ComposeFile Read()
    {
        var json = Assert.Single(Yaml.Documents(Sources.Read("docker-compose.yml")));
        foreach (var extension in json.Select(item => item.Key).Where(key => key.StartsWith("x-", StringComparison.Ordinal)).ToList())
            json.Remove(extension);
        // The short form of depends_on.
        foreach (var service in json["services"]!.AsObject().Select(service => service.Value!.AsObject()).Where(service => service["depends_on"] is JsonArray))
            service["depends_on"] = new JsonObject(service["depends_on"]!.AsArray().Select(other => KeyValuePair.Create((string)other!, (JsonNode?)new JsonObject { ["condition"] = "service_started" })));
        return json.Deserialize<ComposeFile>(Strict)!;
    }

    /// <summary>What <c>docker compose up</c> starts when no profile is named.</summary>
    public IEnumerable<string> Always => Services.Where(service => service.Value.Profiles is null).Select(service => service.Key);
}

internal sealed record ComposeService
{
    public string? Image { get; init; }

    public ComposeBuild? Build { get; init; }

    public Dictionary<string, string> Environment { get; init; } = [];

    public string[] Entrypoint { get; init; } = [];

    public string[] Command { get; init; } = [];

    public string[] Ports { get; init; } = [];

    public string[] Volumes { get; init; } = [];

    public ComposeCheck? Healthcheck { get; init; }

    public Dictionary<string, ComposeDependency> DependsOn { get; init; } = [];

    public string[]? Profiles { get; init; }

    public string? Restart { get; init; }

    public bool ReadOnly { get; init; }

    public string[] Tmpfs { get; init; } = [];

    public string[] CapDrop { get; init; } = [];

    public string[] SecurityOpt { get; init; } = [];

    public string? StopSignal { get; init; }

    public string? StopGracePeriod { get; init; }
}

internal sealed record ComposeBuild(string Context, string Dockerfile, string? Network);

internal sealed record ComposeDependency(string Condition);

internal sealed record ComposeCheck(string[] Test, string Interval, string Timeout, int Retries, string StartPeriod, string StartInterval);
