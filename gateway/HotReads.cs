using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;
using Yarp.ReverseProxy.Configuration;

namespace ShopMesh.Gateway;

/// <summary>What many read and few change is kept for a moment, on the routes whose metadata has a <c>KeepFor</c>.</summary>
internal static class HotReads
{
    public static void AddHotReads(this WebApplicationBuilder builder) => builder.Services.AddSingleton<HotReadCache>();

    public static void UseHotReads(this WebApplication app)
    {
        if (app.Configuration.GetValue<bool>("Cache:Enabled"))
            app.Use(app.Services.GetRequiredService<HotReadCache>().InvokeAsync);
    }

    /// <summary>Takes over a route's <c>KeepFor</c>, a time span, and <c>VaryBy</c>, names with commas between them.</summary>
    public static void AddHotRead(IEndpointConventionBuilder endpoint, RouteConfig route)
    {
        if (route.Metadata?.GetValueOrDefault("KeepFor") is { } keepFor)
            endpoint.WithMetadata(new HotRead(TimeSpan.Parse(keepFor, CultureInfo.InvariantCulture), route.Metadata.GetValueOrDefault("VaryBy")?.Split(',', StringSplitOptions.TrimEntries) ?? []));
    }
}

/// <summary>A route whose answers are kept.</summary>
/// <param name="KeepFor">
/// From when the service answered. An answer that took longer than this is not kept: so what comes from the cache was read from
/// the database no longer ago than twice this.
/// </param>
/// <param name="VaryBy">The keys of the query that make another answer; others do not.</param>
internal sealed record HotRead(TimeSpan KeepFor, string[] VaryBy)
{
    public string KeyOf(HttpRequest request)
    {
        var path = request.Path.Value!;
        if (VaryBy.Length == 0 || !request.QueryString.HasValue)
            return path;
        var query = new QueryBuilder();
        foreach (var key in VaryBy)
        {
            foreach (var value in request.Query[key])
                query.Add(key, value ?? "");
        }

        return path + query;
    }
}

/// <summary>
/// Keeps what a service answers with 200, as a shared cache (RFC 9111) of these routes alone: it is the same for every caller, a token
/// makes no difference. One request asks the service while the others wait for its answer.
/// </summary>
internal sealed class HotReadCache(IConfiguration configuration, TimeProvider time) : IDisposable
{
    private readonly long _maxBodyBytes = configuration.GetValue<long>("Cache:MaxBodyBytes");
    private readonly MemoryCache _kept = new(new MemoryCacheOptions { SizeLimit = configuration.GetValue<long>("Cache:MaxBytes") });
    private readonly ConcurrentDictionary<string, Task<Answer?>> _asked = new();

    public void Dispose() => _kept.Dispose();

    public Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        if (context.GetEndpoint()?.Metadata.GetMetadata<HotRead>() is not { } read)
            return next(context);
        var key = read.KeyOf(context.Request);
        return _kept.TryGetValue<Answer>(key, out var answer) && time.GetElapsedTime(answer!.At) <= read.KeepFor
            ? WriteAsync(answer, context)
            : AskAsync(key, read, context, next);
    }

    /// <summary>The first asks, the others wait for its answer. When that is not for them, each asks for itself.</summary>
    private async Task AskAsync(string key, HotRead read, HttpContext context, RequestDelegate next)
    {
        var mine = new TaskCompletionSource<Answer?>(TaskCreationOptions.RunContinuationsAsynchronously);
        var first = _asked.GetOrAdd(key, mine.Task);
        if (first != mine.Task)
        {
            await (await first.WaitAsync(context.RequestAborted) is { } theirs ? WriteAsync(theirs, context) : next(context));
            return;
        }

        // The service is to answer with all of it, also for a client that knows it already.
        var known = context.Request.Headers.IfNoneMatch;
        context.Request.Headers.IfNoneMatch = default;
        Answer answer;
        Answer? kept = null;
        try
        {
            var begun = time.GetTimestamp();
            answer = await FetchAsync(context, next);
            if (context.Response.StatusCode == StatusCodes.Status200OK && answer.Body.Length <= _maxBodyBytes && time.GetElapsedTime(begun, answer.At) <= read.KeepFor)
                kept = _kept.Set(key, answer, new MemoryCacheEntryOptions { AbsoluteExpirationRelativeToNow = read.KeepFor, Size = answer.Body.Length + Answer.Overhead });
        }
        finally
        {
            _asked.TryRemove(key, out _);
            mine.SetResult(kept);
        }

        await WriteBodyAsync(answer, known, context);
    }

    private async Task<Answer> FetchAsync(HttpContext context, RequestDelegate next)
    {
        var (response, client) = (context.Response, context.Response.Body);
        using var body = new MemoryStream();
        response.Body = body;
        try
        {
            await next(context);
        }
        finally
        {
            response.Body = client;
        }

        return new(time.GetTimestamp(), [.. response.Headers], body.ToArray());
    }

    private Task WriteAsync(Answer answer, HttpContext context)
    {
        var headers = context.Response.Headers;
        foreach (var (name, value) in answer.Headers)
            headers[name] = value;
        headers.Age = ((long)time.GetElapsedTime(answer.At).TotalSeconds).ToString(CultureInfo.InvariantCulture);
        return WriteBodyAsync(answer, context.Request.Headers.IfNoneMatch, context);
    }

    private static Task WriteBodyAsync(Answer answer, StringValues known, HttpContext context)
    {
        var response = context.Response;
        if (known.Count > 0 && response.StatusCode == StatusCodes.Status200OK && IsKnown(response.Headers.ETag, known))
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            response.ContentType = null;
            response.ContentLength = null;
            return Task.CompletedTask;
        }

        // What has no body gets one from the gateway: a problem.
        if (answer.Body.Length == 0)
            return Task.CompletedTask;
        response.ContentLength = answer.Body.Length;
        // A client that goes away ends it without a token, too; one would have to be made for each request.
        return response.Body.WriteAsync(answer.Body, CancellationToken.None).AsTask();
    }

    /// <summary>If-None-Match, by RFC 9110, 13.1.2.</summary>
    private static bool IsKnown(StringValues etag, StringValues known) =>
        EntityTagHeaderValue.TryParse(etag.ToString(), out var current)
        && EntityTagHeaderValue.TryParseList(known, out var tags)
        && tags.Any(tag => tag.Equals(EntityTagHeaderValue.Any) || tag.Compare(current, useStrongComparison: false));

    /// <param name="At">When it came, as <see cref="TimeProvider.GetTimestamp"/> has it: a clock that is set back does not make it younger.</param>
    private sealed record Answer(long At, KeyValuePair<string, StringValues>[] Headers, byte[] Body)
    {
        /// <summary>What is kept beside the body, in bytes, about.</summary>
        public const int Overhead = 1024;
    }
}
