using System.Collections.Concurrent;
using System.Net;
using ShopMesh.Hosting;
using Xunit.v3;

[assembly: AssemblyFixture(typeof(ShopMesh.Gateway.Tests.GatewayShop))]
// Each class starts a shop, and a gateway's time limits are short here: one that starts would make the others miss them.
[assembly: Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]

namespace ShopMesh.Gateway.Tests;

/// <summary>Two catalogs behind the gateway, which keeps no answers and gives a request 2 s.</summary>
public sealed class GatewayShop() : RunningShop(Options)
{
    private static LocalShopOptions Options => Of("catalog", "inventory") with
    {
        Replicas = new() { ["catalog"] = 2 },
        Settings = new() { [Topology.Gateway] = new() { ["Limits__RequestsPerSecond"] = "0", ["Limits__RequestTimeout"] = "00:00:02", ["Cache__Enabled"] = "false" } },
    };
}

public sealed class GatewayTests(GatewayShop shop) : IDisposable
{
    private const string APage = "/api/catalog/products?limit=1";
    private readonly Shopper _visitor = Shopper.Visitor(shop.Gateway);

    public void Dispose() => _visitor.Dispose();

    /// <summary>Each in turn, as soon as the other is back: for the gateway, both have failed lately.</summary>
    [Fact]
    public async Task When_a_pod_is_killed_no_read_fails()
    {
        var statuses = new ConcurrentBag<HttpStatusCode>();
        using var stop = new CancellationTokenSource();
        var readers = Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                using var response = await _visitor.SendAsync(HttpMethod.Get, APage);
                statuses.Add(response.StatusCode);
            }
        })).ToList();
        for (var i = 0; i < 4; i++)
        {
            var (pod, seen) = (shop.Replica("catalog", i % 2), statuses.Count);
            await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(10), () => Task.FromResult(statuses.Count > seen + 200));
            await pod.KillAsync();
            await pod.StartAsync(TestContext.Current.CancellationToken);
        }

        await stop.CancelAsync();
        await Task.WhenAll(readers);
        Assert.All(statuses, status => Assert.Equal(HttpStatusCode.OK, status));
    }

    [Fact]
    public async Task While_a_pod_is_down_even_a_change_goes_to_the_other()
    {
        var pod = shop.Replica("catalog", 0);
        await pod.KillAsync();
        try
        {
            for (var i = 0; i < 20; i++)
            {
                using var created = await shop.Admin.PostAsync("/api/catalog/products", RunningShop.AProduct($"While down {i}"));
                Assert.Equal(HttpStatusCode.Created, created.StatusCode);
            }
        }
        finally
        {
            await pod.StartAsync(TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task A_service_that_is_away_is_503_with_Retry_After()
    {
        await shop.StopAsync("inventory");
        try
        {
            using var response = await _visitor.SendAsync(HttpMethod.Get, "/api/inventory?productIds=a");

            await response.ShouldBeProblemAsync(HttpStatusCode.ServiceUnavailable);
            Assert.NotNull(response.Headers.RetryAfter);
        }
        finally
        {
            await shop.StartAsync("inventory");
        }
    }

    [Fact]
    public async Task A_service_that_hangs_is_504()
    {
        var inventory = shop.Replica("inventory", 0);
        inventory.Pause();
        try
        {
            using var response = await _visitor.SendAsync(HttpMethod.Get, "/api/inventory?productIds=a");

            await response.ShouldBeProblemAsync(HttpStatusCode.GatewayTimeout);
        }
        finally
        {
            inventory.Resume();
        }
    }

    [Fact]
    public async Task The_document_is_whole_again_when_a_service_that_was_away_returns()
    {
        await shop.StopAsync("inventory");
        try
        {
            Assert.DoesNotContain("/api/inventory", (await PathsAsync()).Where(path => path == "/api/inventory"));
        }
        finally
        {
            await shop.StartAsync("inventory");
        }

        await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(15), async () => (await PathsAsync()).Contains("/api/inventory"));
    }

    [Fact]
    public async Task With_the_cache_off_every_read_reaches_a_service()
    {
        for (var i = 0; i < 5; i++)
        {
            using var response = await _visitor.SendAsync(HttpMethod.Get, APage);
            Assert.Equal((HttpStatusCode.OK, null), (response.StatusCode, response.Headers.Age));
        }
    }

    [Fact]
    public async Task A_forged_host_opens_no_door()
    {
        using var response = await _visitor.SendAsync(HttpMethod.Get, "/metrics", headers: ("Host", "localhost:8082"));

        await response.ShouldBeProblemAsync(HttpStatusCode.NotFound);
    }

    private async Task<IEnumerable<string>> PathsAsync() => (await _visitor.GetAsync("/openapi/v1.json"))["paths"]!.AsObject().Select(path => path.Key);
}

/// <summary>A gateway that gives a client 10 requests a second, and believes what a proxy on this machine says of its clients.</summary>
public sealed class LimitedShop() : RunningShop(Of("inventory") with
{
    Settings = new() { [Topology.Gateway] = new() { ["Limits__RequestsPerSecond"] = "10", ["ForwardedHeaders__KnownNetworks__0"] = "127.0.0.0/8", ["ForwardedHeaders__KnownNetworks__1"] = "::1/128" } },
});

public sealed class LimitsTests(LimitedShop shop) : IClassFixture<LimitedShop>
{
    [Fact]
    public async Task A_client_that_asks_too_much_is_429_with_Retry_After_and_another_is_not()
    {
        using var visitor = Shopper.Visitor(shop.Gateway);

        var many = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => visitor.SendAsync(HttpMethod.Get, "/api/inventory?productIds=a", headers: ("X-Forwarded-For", "203.0.113.1"))));
        using var other = await visitor.SendAsync(HttpMethod.Get, "/api/inventory?productIds=a", headers: ("X-Forwarded-For", "203.0.113.2"));

        var refused = many.Where(response => response.StatusCode is HttpStatusCode.TooManyRequests).ToList();
        Assert.InRange(refused.Count, 10, 30);
        await refused[0].ShouldBeProblemAsync(HttpStatusCode.TooManyRequests);
        Assert.NotNull(refused[0].Headers.RetryAfter);
        Assert.All(many.Except(refused), response => Assert.Equal(HttpStatusCode.OK, response.StatusCode));
        Assert.Equal(HttpStatusCode.OK, other.StatusCode);
    }

    [Fact]
    public async Task A_client_that_takes_no_problem_document_is_429_too()
    {
        using var visitor = Shopper.Visitor(shop.Gateway);

        var many = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => visitor.SendAsync(HttpMethod.Get, "/api/inventory?productIds=a", headers: [("X-Forwarded-For", "203.0.113.3"), ("Accept", "text/event-stream")])));

        Assert.InRange(many.Count(response => response is { StatusCode: HttpStatusCode.TooManyRequests, Headers.RetryAfter: not null }), 10, 30);
        Assert.DoesNotContain(many, response => response.StatusCode is HttpStatusCode.InternalServerError);
    }
}
