using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using ShopMesh.Hosting;

namespace ShopMesh.Gateway.Tests;

/// <summary>A gateway that keeps a product for longer than usual, in front of a catalog that does what a test wants, at two addresses as if it were two pods.</summary>
public sealed class StagedCatalog : IAsyncLifetime
{
    public static readonly TimeSpan KeepFor = TimeSpan.FromSeconds(3);

    private readonly WebApplication _catalog;
    private readonly ConcurrentDictionary<string, Func<HttpContext, int, Task>> _acts = new();
    private readonly ConcurrentDictionary<string, int> _asked = new();
    private RunningShop? _shop;

    public StagedCatalog()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            for (var pod = 0; pod < 2; pod++)
                kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
        });
        _catalog = builder.Build();
        _catalog.Run(context =>
        {
            var product = context.Request.Path.Value!.Split('/')[^1];
            context.Response.ContentType = "application/json";
            return _acts[product](context, _asked.AddOrUpdate(product, 1, (_, times) => times + 1));
        });
    }

    public Uri Gateway => _shop!.Gateway;

    /// <param name="act">It is told how often it was asked, with this time.</param>
    /// <returns>The path of a product that is answered so.</returns>
    public string Stage(Func<HttpContext, int, Task> act)
    {
        var product = Guid.NewGuid().ToString();
        _acts[product] = act;
        return $"/api/catalog/products/{product}";
    }

    public int Asked(string path) => _asked.GetValueOrDefault(path.Split('/')[^1]);

    public async ValueTask InitializeAsync()
    {
        await _catalog.StartAsync();
        var options = RunningShop.Of();
        options.Settings[Topology.Gateway]["ReverseProxy__Routes__catalog-product__Metadata__KeepFor"] = KeepFor.ToString();
        foreach (var (pod, url) in _catalog.Urls.Index())
            options.Settings[Topology.Gateway][$"ReverseProxy__Clusters__catalog__Destinations__pods{(pod == 0 ? "" : $"{pod + 1}")}__Address"] = url;
        _shop = new(options);
        await _shop.InitializeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_shop is not null)
            await _shop.DisposeAsync();
        await _catalog.DisposeAsync();
    }
}

public sealed class StagedCatalogTests(StagedCatalog catalog) : IClassFixture<StagedCatalog>, IDisposable
{
    private readonly Shopper _visitor = Shopper.Visitor(catalog.Gateway);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _visitor.Dispose();

    [Fact]
    public async Task An_answer_that_breaks_off_is_asked_for_again()
    {
        // More than is under way at once: when it is written, the gateway has read the beginning.
        var beginning = new string(' ', 200_000);
        var path = catalog.Stage(async (context, times) =>
        {
            await context.Response.WriteAsync(beginning);
            await context.Response.Body.FlushAsync();
            if (times == 1)
                context.Abort();
            else
                await context.Response.WriteAsync("{}");
        });

        using var response = await _visitor.SendAsync(HttpMethod.Get, path);

        Assert.Equal((HttpStatusCode.OK, beginning + "{}"), (response.StatusCode, await response.Content.ReadAsStringAsync(Cancellation)));
        Assert.Equal(2, catalog.Asked(path));
    }

    [Fact]
    public async Task An_answer_that_took_longer_than_it_may_be_kept_is_not_kept_and_not_for_those_who_wait()
    {
        var path = catalog.Stage(async (context, _) =>
        {
            await Task.Delay(StagedCatalog.KeepFor * 1.2);
            await context.Response.WriteAsync("{}");
        });

        var many = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => _visitor.SendAsync(HttpMethod.Get, path)));
        using var later = await _visitor.SendAsync(HttpMethod.Get, path);

        Assert.All([.. many, later], response => Assert.Equal((HttpStatusCode.OK, null), (response.StatusCode, response.Headers.Age)));
        Assert.Equal(4, catalog.Asked(path));
    }

    [Fact]
    public async Task Those_who_wait_for_one_that_fails_ask_for_themselves()
    {
        var (failing, waiting) = (new TaskCompletionSource(), new TaskCompletionSource());
        var path = catalog.Stage(async (context, times) =>
        {
            if (times == 1)
            {
                failing.SetResult();
                await waiting.Task;
                context.Response.StatusCode = StatusCodes.Status500InternalServerError;
            }

            await context.Response.WriteAsync("{}");
        });

        var first = _visitor.SendAsync(HttpMethod.Get, path);
        await failing.Task;
        var others = Enumerable.Range(0, 3).Select(_ => _visitor.SendAsync(HttpMethod.Get, path)).ToList();
        // They are in the gateway when another product, asked for after them, is answered.
        using var other = await _visitor.SendAsync(HttpMethod.Get, catalog.Stage((context, _) => context.Response.WriteAsync("{}")));
        Assert.Equal(1, catalog.Asked(path));
        waiting.SetResult();

        Assert.Equal(HttpStatusCode.InternalServerError, (await first).StatusCode);
        Assert.All(await Task.WhenAll(others), response => Assert.Equal(HttpStatusCode.OK, response.StatusCode));
    }

    [Fact]
    public async Task A_client_that_goes_away_takes_nothing_from_those_who_wait_with_it()
    {
        var (asked, answers) = (new TaskCompletionSource(), new TaskCompletionSource());
        var path = catalog.Stage(async (context, times) =>
        {
            if (times == 1)
            {
                asked.SetResult();
                await answers.Task.WaitAsync(context.RequestAborted);
            }

            await context.Response.WriteAsync("{}");
        });
        using var impatient = new CancellationTokenSource();

        var first = _visitor.Http.GetAsync(path, impatient.Token);
        await asked.Task;
        var other = _visitor.SendAsync(HttpMethod.Get, path);
        await impatient.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        Assert.Equal(HttpStatusCode.OK, (await other).StatusCode);
    }

    [Fact]
    public async Task An_answer_that_is_too_large_is_passed_on_and_not_kept()
    {
        var body = new string(' ', 300_000);
        var path = catalog.Stage((context, _) => context.Response.WriteAsync(body));

        for (var times = 1; times <= 3; times++)
        {
            using var response = await _visitor.SendAsync(HttpMethod.Get, path);
            Assert.Equal((body, null), (await response.Content.ReadAsStringAsync(Cancellation), response.Headers.Age));
            Assert.Equal(times, catalog.Asked(path));
        }
    }

    [Theory]
    [InlineData("\"7\"", HttpStatusCode.NotModified)]
    [InlineData("W/\"7\"", HttpStatusCode.NotModified)]
    [InlineData("\"6\", \"7\"", HttpStatusCode.NotModified)]
    [InlineData("*", HttpStatusCode.NotModified)]
    [InlineData("\"6\"", HttpStatusCode.OK)]
    [InlineData("7", HttpStatusCode.OK)]
    public async Task Who_knows_an_answer_is_told_so_the_first_time_and_from_the_cache(string known, HttpStatusCode expected)
    {
        var path = catalog.Stage((context, _) =>
        {
            // It would have nothing that could be kept for others.
            if (context.Request.Headers.IfNoneMatch.Count > 0)
                context.Response.StatusCode = StatusCodes.Status304NotModified;
            context.Response.Headers.ETag = "\"7\"";
            return context.Response.StatusCode == StatusCodes.Status200OK ? context.Response.WriteAsync("{}") : Task.CompletedTask;
        });

        for (var times = 0; times < 2; times++)
        {
            using var response = await _visitor.SendAsync(HttpMethod.Get, path, headers: ("If-None-Match", known));
            Assert.Equal((expected, "\"7\""), (response.StatusCode, response.Headers.ETag?.ToString()));
            Assert.Equal(expected is HttpStatusCode.OK ? "application/json" : null, response.Content.Headers.ContentType?.ToString());
            Assert.Equal(expected is HttpStatusCode.OK ? "{}" : "", await response.Content.ReadAsStringAsync(Cancellation));
        }

        Assert.Equal(1, catalog.Asked(path));
    }
}
