using Microsoft.AspNetCore.Http;
using ShopMesh.Load.Journeys;

namespace ShopMesh.Load.Tests;

public sealed class OpenLoopTests : IAsyncLifetime
{
    private ToyShop _shop = null!;

    public async ValueTask InitializeAsync() => _shop = await ToyShop.StartAsync();

    public ValueTask DisposeAsync() => _shop.DisposeAsync();

    [Fact]
    public async Task A_shop_that_stands_still_for_a_second_shows_it_in_every_request_that_was_due_meanwhile()
    {
        var goesOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var count = 0;
        _shop.Before = _ =>
        {
            if (Interlocked.Increment(ref count) == 200)
                Task.Delay(TimeSpan.FromSeconds(1)).ContinueWith(_ => goesOn.SetResult(), TaskScheduler.Default);
            return count < 200 ? Task.CompletedTask : goesOn.Task;
        };

        // Few connections, so that most of what is due cannot even be sent.
        var report = await _shop.LoadAsync(Mix.Only(Journey.Product), Profile.Constant(200, TimeSpan.FromSeconds(3)), with: options => options with { MaxConnections = 4 });

        Assert.Equal(600, report.Requests);
        Assert.Equal(0, report.Failed);
        Assert.True(report.Latencies.Max > 900, report.ToString());
        Assert.True(report.Latencies.P99 > 900, report.ToString());
        // A third of all waited for half a second on the average: one in six for longer.
        Assert.True(report.Latencies.P90 > 500, report.ToString());
        Assert.Contains(report.Seconds, second => second.Max > 900);
        Assert.True(report.Journeys.Single().Visits.Max > 900, report.ToString());
    }

    [Fact]
    public async Task A_slow_shop_does_not_slow_down_what_is_offered()
    {
        _shop.Before = _ => Task.Delay(TimeSpan.FromMilliseconds(700));

        var report = await _shop.LoadAsync(Mix.Only(Journey.Product), Profile.Constant(100, TimeSpan.FromSeconds(2)));

        Assert.Equal(200, report.Offered);
        Assert.Equal(200, report.Requests);
        Assert.True(report.Elapsed < TimeSpan.FromSeconds(2.5), report.ToString());
        Assert.True(report.Seconds.Max(second => second.Open) > 50, report.ToString());
    }

    [Fact]
    public async Task What_is_offered_follows_the_profile()
    {
        var profile = Profile.Of(new(TimeSpan.FromSeconds(1), 100, 100), new(TimeSpan.FromSeconds(2), 100, 300), new(TimeSpan.FromSeconds(1), 20, 20));

        var report = await _shop.LoadAsync(Mix.Only(Journey.Product), profile);

        Assert.Equal(profile.Requests, report.Offered, 1.0);
        Assert.Equal(0, report.Failed);
        Assert.Equal(report.Offered, report.Requests);
        Assert.InRange(report.Elapsed.TotalSeconds, 4.0, 4.5);
        var (offered, before) = (0.0, 0.0);
        foreach (var second in report.Seconds)
        {
            offered += second.Offered * Math.Max(0.5, second.At - before);
            before = second.At;
            Assert.Equal(Integral(profile, second.At), offered, profile.Requests * 0.15);
        }

        static double Integral(Profile profile, double until)
        {
            const double step = 0.01;
            return Enumerable.Range(0, (int)(until / step)).Sum(i => profile.RateAt(TimeSpan.FromSeconds(i * step)) * step);
        }
    }

    [Fact]
    public async Task The_weights_of_a_mix_are_kept()
    {
        var mix = new Mix((Journey.Product, 5), (Journey.Page, 3), (Journey.Put, 2));

        var report = await _shop.LoadAsync(mix, Profile.Constant(100, TimeSpan.FromSeconds(2)));

        Assert.Equal([("product", 100), ("page", 60), ("put", 40)], report.Journeys.Select(journey => (journey.Journey, journey.Offered)));
        Assert.Equal([100, 60, 40], report.Journeys.Select(journey => journey.Latencies.Count));
    }

    [Fact]
    public async Task Every_journey_passes_where_nothing_is_wrong_and_makes_as_many_requests_as_it_says()
    {
        var mix = new Mix([.. Journey.All.Select(journey => (journey, 1))]);

        var report = await _shop.LoadAsync(mix, Profile.Constant(150, TimeSpan.FromSeconds(2)));

        Assert.Equal(0, report.Failed);
        foreach (var journey in Journey.All)
        {
            var seen = report.Journeys.Single(seen => seen.Journey == journey.Name);
            Assert.InRange((double)seen.Requests / seen.Offered, Math.Floor(journey.Requests), Math.Ceiling(journey.Requests));
        }

        Assert.Equal(report.OrdersPlaced, report.Orders.Distinct().Count());
        Assert.Equal(report.Journeys.Single(journey => journey.Journey == "watch").Offered, report.OrdersEnded["delivered"]);
        Assert.True(report.Milestones["confirmed"].Count > report.OrdersEnded["delivered"]);
    }

    [Fact]
    public async Task A_load_without_an_end_goes_on_until_it_is_stopped()
    {
        var customers = await Customers.SignInAsync(_shop.Address, 5, TestContext.Current.CancellationToken);
        await using var load = await OpenLoop.StartAsync(new(_shop.Address) { Rate = 200 }, customers, TestContext.Current.CancellationToken);
        while (load.Requests < 100)
            await Task.Delay(10, TestContext.Current.CancellationToken);
        Assert.False(load.Scheduled.IsCompleted);

        var report = await load.StopAsync();

        Assert.Equal(load.Requests, report.Requests);
        Assert.Equal(0, report.Failed);
        Assert.Equal(0, load.Open);
        Assert.Same(report, await load.StopAsync());
    }

    [Fact]
    public async Task Visits_that_find_no_customer_free_wait_for_one_and_it_is_noted()
    {
        _shop.Before = context => context.Request.Path.StartsWithSegments("/api/basket") ? Task.Delay(50) : Task.CompletedTask;

        var report = await _shop.LoadAsync(Mix.Only(Journey.Put), Profile.Constant(100, TimeSpan.FromSeconds(1)), customers: 1);

        Assert.Equal(100, report.Requests);
        Assert.True(report.WaitedForCustomer > 50, report.ToString());
        Assert.Contains(report.Notes, note => note.Contains("waited for a customer", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_shop_that_does_not_answer_cannot_be_loaded()
    {
        var address = _shop.Address;
        await _shop.DisposeAsync();

        await Assert.ThrowsAsync<LoadException>(() => KnownShop.ReadAsync(address, cancellationToken: TestContext.Current.CancellationToken));
    }
}
