using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;
using Scalar.AspNetCore;
using Yarp.ReverseProxy;

namespace ShopMesh.Gateway;

/// <summary>One OpenAPI document, put together from what each service says of itself, and a page to browse and try it.</summary>
internal static class ApiDocumentEndpoints
{
    public static void AddApiDocument(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<ApiDocument>();
        builder.Services.AddHttpClient(nameof(ApiDocument), client =>
        {
            // A service makes its document when it is first asked, and on a busy machine takes a while.
            client.Timeout = TimeSpan.FromSeconds(5);
            client.DefaultRequestVersion = HttpVersion.Version20;
            client.DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        });
    }

    public static void MapApiDocument(this WebApplication app)
    {
        app.MapGet("/openapi/v1.json", async (ApiDocument document, CancellationToken cancellationToken) =>
            TypedResults.Text((await document.ReadAsync(cancellationToken)).ToJsonString(), "application/json")).ExcludeFromDescription();
        app.MapScalarApiReference("/docs", options => options
            .WithTitle("ShopMesh")
            .WithOpenApiRoutePattern("/openapi/v1.json")
            // Nothing from elsewhere: the page works without the internet.
            .DisableDefaultFonts());
    }
}

/// <summary>Each service's last good document is kept for when it is away.</summary>
internal sealed partial class ApiDocument(IProxyStateLookup proxy, IHttpClientFactory http, TimeProvider time, ILogger<ApiDocument> logger)
{
    private static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<string, (string Text, DateTimeOffset ReadAt)> _documents = new();

    public async Task<JsonObject> ReadAsync(CancellationToken cancellationToken)
    {
        var clusters = proxy.GetClusters().OrderBy(cluster => cluster.ClusterId, StringComparer.Ordinal).ToList();
        await Task.WhenAll(clusters.Select(cluster => RefreshAsync(cluster.ClusterId, cluster.DestinationsState.AllDestinations.Select(pod => pod.Model.Config.Address), cancellationToken)));

        var merged = new JsonObject
        {
            ["openapi"] = "3.1.1",
            ["info"] = new JsonObject
            {
                ["title"] = "ShopMesh",
                ["version"] = "1.0.0",
                ["description"] = "An online shop of small services behind one gateway. Errors are problem documents (RFC 9457).",
            },
            ["servers"] = new JsonArray(new JsonObject { ["url"] = "/" }),
            ["paths"] = new JsonObject(),
            ["components"] = new JsonObject(),
        };
        foreach (var cluster in clusters)
        {
            if (_documents.TryGetValue(cluster.ClusterId, out var document))
                Merge(merged, cluster.ClusterId, document.Text);
        }

        return merged;
    }

    private async Task RefreshAsync(string service, IEnumerable<string> pods, CancellationToken cancellationToken)
    {
        if (_documents.TryGetValue(service, out var known) && time.GetUtcNow() - known.ReadAt < MaxAge)
            return;
        foreach (var pod in pods)
        {
            try
            {
                using var client = http.CreateClient(nameof(ApiDocument));
                _documents[service] = (await client.GetStringAsync(new Uri(new(pod), "/openapi/v1.json"), cancellationToken), time.GetUtcNow());
                return;
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
            {
                LogAway(service, e.Message);
            }
        }
    }

    /// <summary>What two services call by the same name and describe differently gets the service's name before it.</summary>
    private static void Merge(JsonObject merged, string service, string text)
    {
        var renamed = new Dictionary<(string Kind, string Name), string>();
        foreach (var (kind, name, item) in ComponentsOf(JsonNode.Parse(text)!))
        {
            if (merged["components"]![kind]?[name] is { } other && !JsonNode.DeepEquals(other, item))
                renamed[(kind, name)] = $"{char.ToUpperInvariant(service[0])}{service[1..]}{name}";
        }

        foreach (var ((kind, name), distinct) in renamed)
            text = text.Replace($"\"#/components/{kind}/{name}\"", $"\"#/components/{kind}/{distinct}\"", StringComparison.Ordinal);
        var document = JsonNode.Parse(text)!;
        foreach (var (path, operations) in document["paths"]!.AsObject())
            merged["paths"]![path] = operations!.DeepClone();
        foreach (var (kind, name, item) in ComponentsOf(document))
        {
            if (merged["components"]![kind] is null)
                merged["components"]![kind] = new JsonObject();
            merged["components"]![kind]![renamed.GetValueOrDefault((kind, name), name)] = item.DeepClone();
        }
    }

    private static IEnumerable<(string Kind, string Name, JsonNode Item)> ComponentsOf(JsonNode document) =>
        from kind in document["components"] as JsonObject ?? []
        from item in kind.Value!.AsObject()
        select (kind.Key, item.Key, item.Value!);

    [LoggerMessage(LogLevel.Information, "{Service} does not tell its API: {Reason}")]
    private partial void LogAway(string service, string reason);
}
