using System.Net;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.HttpOverrides;

namespace ShopMesh.Gateway;

/// <summary>What one client may ask for: how much, how long. How large is Kestrel's limit, the same for every host of the shop.</summary>
internal static class Limits
{
    public static void AddLimits(this WebApplicationBuilder builder)
    {
        var perSecond = builder.Configuration.GetValue<int>("Limits:RequestsPerSecond");
        builder.Services.AddRequestTimeouts();
        builder.Services.AddRateLimiter(options =>
        {
            options.RejectionStatusCode = StatusCodes.Status429TooManyRequests;
            options.OnRejected = async (context, _) =>
            {
                context.HttpContext.Response.Headers.RetryAfter = "1";
                // A client that takes no JSON gets no body.
                await context.HttpContext.RequestServices.GetRequiredService<IProblemDetailsService>().TryWriteAsync(new() { HttpContext = context.HttpContext });
            };
            // 0 is no limit.
            if (perSecond > 0)
                options.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, IPAddress>(context => RateLimitPartition.GetTokenBucketLimiter(ClientOf(context), _ => BucketOf(perSecond)));
        });
    }

    /// <summary>Believes the forwarded headers of the networks in <c>ForwardedHeaders:KnownNetworks</c>, such as an ingress's, and of nobody else.</summary>
    public static void UseClientAddress(this WebApplication app)
    {
        var options = new ForwardedHeadersOptions { ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto | ForwardedHeaders.XForwardedHost };
        options.KnownProxies.Clear();
        options.KnownIPNetworks.Clear();
        foreach (var network in app.Configuration.GetSection("ForwardedHeaders:KnownNetworks").Get<string[]>() ?? [])
            options.KnownIPNetworks.Add(System.Net.IPNetwork.Parse(network));
        if (options.KnownIPNetworks.Count > 0)
            app.UseForwardedHeaders(options);
    }

    private static TokenBucketRateLimiterOptions BucketOf(int perSecond) => new()
    {
        TokenLimit = perSecond,
        TokensPerPeriod = Math.Max(1, perSecond / 10),
        ReplenishmentPeriod = perSecond >= 10 ? TimeSpan.FromMilliseconds(100) : TimeSpan.FromSeconds(1.0 / perSecond),
        QueueLimit = 0,
    };

    private static IPAddress ClientOf(HttpContext context) => context.Connection.RemoteIpAddress ?? IPAddress.None;
}
