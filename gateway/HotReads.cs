using System.Diagnostics;
using Microsoft.AspNetCore.OutputCaching;
using Microsoft.Extensions.Primitives;
using Yarp.ReverseProxy.Configuration;

namespace ShopMesh.Gateway;

/// <summary>
/// What many read and few change is kept for a moment, on the routes that name one of <c>Cache:Policies</c>. One request fetches it
/// while the others wait for it. It is the same for every caller: a token makes no difference.
/// </summary>
internal static class HotReads
{
    public static void AddHotReads(this WebApplicationBuilder builder)
    {
        var cache = builder.Configuration.GetRequiredSection("Cache");
        builder.Services.AddOutputCache(options =>
        {
            options.SizeLimit = cache.GetValue<long>("MaxBytes");
            options.MaximumBodySize = cache.GetValue<long>("MaxBodyBytes");
            foreach (var policy in cache.GetRequiredSection("Policies").GetChildren())
                options.AddPolicy(policy.Key, new HotReadPolicy(policy.GetValue<TimeSpan>("KeepFor"), policy.GetSection("VaryBy").Get<string[]>()));
        });
    }

    public static void UseHotReads(this WebApplication app)
    {
        if (!IsEnabled(app.Configuration))
            return;
        app.UseOutputCache();
        app.Use(HotReadPolicy.BeginAsync);
    }

    /// <summary>Takes the policy off a route when the cache is off.</summary>
    public static RouteConfig WithCacheOf(this RouteConfig route, IConfiguration configuration) =>
        IsEnabled(configuration) ? route : route with { OutputCachePolicy = null };

    private static bool IsEnabled(IConfiguration configuration) => configuration.GetValue<bool>("Cache:Enabled");
}

/// <summary>Keeps what was answered with 200, whoever asked; ASP.NET Core's own policy passes by whoever has a token.</summary>
/// <param name="keepFor">
/// From when the service answered. An answer that took longer than this is not kept: so what comes from the cache was read from
/// the database no longer ago than twice this.
/// </param>
/// <param name="varyBy">The keys of the query that make another answer; others do not.</param>
internal sealed class HotReadPolicy(TimeSpan keepFor, StringValues varyBy) : IOutputCachePolicy
{
    private static readonly object Begun = new();

    public ValueTask CacheRequestAsync(OutputCacheContext context, CancellationToken cancellation)
    {
        context.EnableOutputCaching = context.AllowCacheLookup = context.AllowCacheStorage = context.AllowLocking = true;
        context.CacheVaryByRules.VaryByHost = false;
        context.CacheVaryByRules.QueryKeys = varyBy;
        context.ResponseExpirationTimeSpan = keepFor;
        return ValueTask.CompletedTask;
    }

    /// <summary>Notes when a service is asked: comes after the cache, since what the cache has is not to pay for it.</summary>
    public static Task BeginAsync(HttpContext context, RequestDelegate next)
    {
        context.Items[Begun] = Stopwatch.GetTimestamp();
        return next(context);
    }

    public ValueTask ServeFromCacheAsync(OutputCacheContext context, CancellationToken cancellation) => ValueTask.CompletedTask;

    public ValueTask ServeResponseAsync(OutputCacheContext context, CancellationToken cancellation)
    {
        context.AllowCacheStorage = context.HttpContext.Response.StatusCode is StatusCodes.Status200OK
            && Stopwatch.GetElapsedTime((long)context.HttpContext.Items[Begun]!) <= keepFor;
        return ValueTask.CompletedTask;
    }
}
