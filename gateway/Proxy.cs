using System.Net;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Health;
using Yarp.ReverseProxy.LoadBalancing;
using Yarp.ReverseProxy.Model;
using Yarp.ReverseProxy.ServiceDiscovery;
using Yarp.ReverseProxy.Transforms;

namespace ShopMesh.Gateway;

/// <summary>The routes and clusters are configuration; what all of them have in common is here.</summary>
internal static class Proxy
{
    public static void AddProxy(this WebApplicationBuilder builder)
    {
        builder.Services.AddReverseProxy()
            .LoadFromConfig(builder.Configuration.GetSection("ReverseProxy"))
            .AddConfigFilter<CommonSettings>()
            // Whom a client asked: discovery answers with it.
            .AddTransforms(transforms => transforms.AddOriginalHost());
        builder.Services.AddSingleton<IDestinationResolver, PodResolver>();
        builder.Services.AddSingleton<IPassiveHealthCheckPolicy, FirstFailurePolicy>();
        builder.Services.AddSingleton<Retries>();
    }

    public static void MapProxy(this WebApplication app) => app.MapReverseProxy(proxy =>
    {
        proxy.Use(app.Services.GetRequiredService<Retries>().InvokeAsync);
        proxy.UseLoadBalancing();
        proxy.UsePassiveHealthChecks();
    }).ConfigureEndpoints(HotReads.AddHotRead);

    private sealed class CommonSettings(IConfiguration configuration) : IProxyConfigFilter
    {
        public ValueTask<ClusterConfig> ConfigureClusterAsync(ClusterConfig cluster, CancellationToken cancel) => new(cluster with
        {
            LoadBalancingPolicy = LoadBalancingPolicies.PowerOfTwoChoices,
            HealthCheck = new()
            {
                // When every pod has failed lately, any of them is better than none.
                AvailableDestinationsPolicy = HealthCheckConstants.AvailableDestinations.HealthyOrPanic,
                Passive = new() { Enabled = true, Policy = FirstFailurePolicy.PolicyName, ReactivationPeriod = TimeSpan.FromSeconds(2) },
            },
            // One multiplexed connection for all requests to a pod. How long a request may take is limited by its route;
            // an event stream may be silent for long.
            HttpRequest = new() { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, ActivityTimeout = TimeSpan.FromMinutes(10) },
            HttpClient = new() { EnableMultipleHttp2Connections = true },
        });

        public ValueTask<RouteConfig> ConfigureRouteAsync(RouteConfig route, ClusterConfig? cluster, CancellationToken cancel) =>
            new(route.TimeoutPolicy is null ? route with { Timeout = configuration.GetValue<TimeSpan>("Limits:RequestTimeout") } : route);
    }
}

/// <summary>
/// Takes a pod out of the choice at its first transport failure: a pod that was killed costs one request, not hundreds. When all
/// have failed lately, the first that answers is back at once: else a dead one had its share of the requests until the time was up.
/// </summary>
internal sealed class FirstFailurePolicy(IDestinationHealthUpdater health) : IPassiveHealthCheckPolicy
{
    public const string PolicyName = "FirstFailure";

    public string Name => PolicyName;

    public void RequestProxied(HttpContext context, ClusterState cluster, DestinationState destination)
    {
        var error = context.Features.Get<IForwarderErrorFeature>()?.Error;
        if (error is ForwarderError.Request or ForwarderError.ResponseBodyDestination)
            Set(DestinationHealth.Unhealthy);
        else if (error is null && destination.Health.Passive is DestinationHealth.Unhealthy)
            Set(DestinationHealth.Healthy);

        void Set(DestinationHealth now) => health.SetPassive(cluster, destination, now, cluster.Model.Config.HealthCheck!.Passive!.ReactivationPeriod!.Value);
    }
}
