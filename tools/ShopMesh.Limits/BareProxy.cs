using System.Net;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;

namespace ShopMesh.Limits;

/// <summary>YARP in front of the others, over HTTP/2 in clear text as the gateway does it, without any policy.</summary>
internal static class BareProxy
{
    public static WebApplication Build(WebApplicationBuilder builder)
    {
        string[] names = ["kestrel", "upsert"];
        builder.Services.AddReverseProxy().LoadFromMemory(
            [
                new RouteConfig { RouteId = "kestrel", ClusterId = "kestrel", Match = new() { Path = "/{**rest}" } },
                new RouteConfig { RouteId = "upsert", ClusterId = "upsert", Match = new() { Path = "/items/{**rest}" } },
            ],
            [
                .. names.Select(name => new ClusterConfig
                {
                    ClusterId = name,
                    Destinations = new Dictionary<string, DestinationConfig> { ["one"] = new() { Address = builder.Configuration[name]! } },
                    HttpRequest = new() { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact },
                    HttpClient = new() { EnableMultipleHttp2Connections = true },
                }),
            ]);
        var app = builder.Build();
        app.MapReverseProxy();
        return app;
    }
}
