using Microsoft.AspNetCore.Http;
using ShopMesh.Load.Journeys;

namespace ShopMesh.Load.Tests;

/// <summary>Each failure is on record: when, what, whose, of what kind.</summary>
public sealed class FailureTests : IAsyncLifetime
{
    private static readonly Profile Short = Profile.Constant(50, TimeSpan.FromSeconds(1));

    private readonly DateTimeOffset _begin = DateTimeOffset.UtcNow;
    private ToyShop _shop = null!;

    public async ValueTask InitializeAsync() => _shop = await ToyShop.StartAsync();

    public ValueTask DisposeAsync() => _shop.DisposeAsync();

    [Fact]
    public async Task A_service_that_is_away_is_named()
    {
        _shop.Before = async context =>
        {
            if (context.Request.Path.StartsWithSegments("/api/inventory"))
            {
                context.Response.StatusCode = 503;
                await context.Response.WriteAsync("inventory is away");
            }
        };

        var report = await _shop.LoadAsync(Mix.Only(Journey.Browse), Short);

        Assert.Equal(report.Journeys.Single().Offered, report.Failures.Count);
        Assert.All(report.Failures, failure => Assert.Equal(
            ("browse", "availability", "inventory", FailureKind.Status, 503, "inventory is away"), (failure.Journey, failure.Request, failure.Service, failure.Kind, failure.Status, failure.Detail)));
        Assert.All(report.Failures, failure => Assert.InRange(failure.At, _begin, DateTimeOffset.UtcNow));
        Assert.Equal(report.Failed, report.Seconds.Sum(second => second.Failed.GetValueOrDefault(FailureKind.Status)));
        var group = Assert.Single(report.FailureGroups);
        Assert.Equal((report.Failed, report.Failures[0]), (group.Count, group.First));
        Assert.Equal(report.Failed, report.RequestKinds.Single(kind => kind.Request == "availability").Failed);
        // It was answered, so that it counts as a request, too.
        Assert.Equal(report.Failed * 3, report.Requests);
    }

    [Fact]
    public async Task A_connection_that_breaks_is_one()
    {
        _shop.Before = context =>
        {
            context.Abort();
            return Task.CompletedTask;
        };

        var report = await _shop.LoadAsync(Mix.Only(Journey.Product), Short);

        Assert.Equal(report.Offered, report.Failed);
        Assert.All(report.Failures, failure => Assert.Equal((FailureKind.Connection, null), (failure.Kind, failure.Status)));
    }

    [Fact]
    public async Task No_answer_in_time_is_one_and_its_latency_counts()
    {
        _shop.Before = context => Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);

        var report = await _shop.LoadAsync(Mix.Only(Journey.Product), Short, with: options => options with { Timeout = TimeSpan.FromMilliseconds(300) });

        Assert.Equal(report.Offered, report.Failed);
        Assert.All(report.Failures, failure => Assert.Equal(FailureKind.Timeout, failure.Kind));
        // A timer may go off a tick early.
        Assert.True(report.Latencies.P50 >= 280, report.ToString());
    }

    [Fact]
    public async Task What_cannot_be_sent_is_not_forgotten()
    {
        _shop.Before = _ => Task.Delay(1_500);

        var report = await _shop.LoadAsync(Mix.Only(Journey.Product), Short, with: options => options with { MaxVisits = 10 });

        Assert.Equal(50, report.Offered);
        Assert.Equal(10, report.Requests);
        Assert.Equal(40, report.Failed);
        Assert.All(report.Failures, failure => Assert.Equal((FailureKind.NotSent, "load"), (failure.Kind, failure.Service)));
    }

    [Fact]
    public async Task Beyond_ten_thousand_they_are_only_counted()
    {
        _shop.Before = _ => Task.Delay(1_500);

        var report = await _shop.LoadAsync(Mix.Only(Journey.Product), Profile.Constant(12_000, TimeSpan.FromSeconds(1)), with: options => options with { MaxVisits = 10 });

        Assert.Equal(11_990, report.Failed);
        Assert.Equal(LoadReport.MaxFailures, report.Failures.Count);
        Assert.Equal(11_990, report.FailureGroups.Single().Count);
    }
}
