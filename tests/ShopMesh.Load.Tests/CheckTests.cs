using ShopMesh.Load.Journeys;

namespace ShopMesh.Load.Tests;

/// <summary>Answers are checked, and not only counted.</summary>
public sealed class CheckTests : IAsyncLifetime
{
    private ToyShop _shop = null!;

    public async ValueTask InitializeAsync() => _shop = await ToyShop.StartAsync();

    public ValueTask DisposeAsync() => _shop.DisposeAsync();

    [Theory]
    [InlineData(Fault.PriceOnPage, "page", "page", "catalog")]
    [InlineData(Fault.PriceOfProduct, "product", "product", "catalog")]
    [InlineData(Fault.PriceOfProduct, "browse", "product", "catalog")]
    [InlineData(Fault.OtherProduct, "search", "product", "catalog")]
    [InlineData(Fault.NotJson, "product", "product", "catalog")]
    [InlineData(Fault.FoundWithoutTheWord, "search", "search", "catalog")]
    [InlineData(Fault.BasketPrice, "basket", "basket: put", "basket")]
    [InlineData(Fault.BasketLineTotal, "basket", "basket: put", "basket")]
    [InlineData(Fault.BasketTotal, "put", "basket: put", "basket")]
    [InlineData(Fault.BasketQuantity, "put", "basket: put", "basket")]
    [InlineData(Fault.OrderTotal, "order", "order", "ordering")]
    [InlineData(Fault.OrderTotal, "place", "order", "ordering")]
    [InlineData(Fault.OrderShipping, "order", "order", "ordering")]
    [InlineData(Fault.OrderPrice, "confirm", "order", "ordering")]
    [InlineData(Fault.OrderChangesLater, "order", "order: read", "ordering")]
    [InlineData(Fault.OrderChangesLater, "watch", "order: read", "ordering")]
    [InlineData(Fault.EventsSkipAStatus, "watch", "order: watch", "ordering")]
    [InlineData(Fault.EventsRepeatAnId, "watch", "order: watch", "ordering")]
    [InlineData(Fault.HistoryDiffersFromEvents, "watch", "order: read", "ordering")]
    [InlineData(Fault.CardDeclined, "watch", "order: read", "ordering")]
    public async Task A_wrong_answer_is_found_every_time(Fault fault, string mix, string request, string service)
    {
        _shop.Fault = fault;

        var report = await _shop.LoadAsync(Mix.Parse(mix), Profile.Constant(100, TimeSpan.FromSeconds(0.5)));

        Assert.NotEmpty(report.Failures);
        Assert.All(report.Failures, failure => Assert.Equal((request, service, FailureKind.WrongAnswer, 200), (failure.Request, failure.Service, failure.Kind, failure.Status is 201 or null ? 200 : failure.Status)));
        Assert.Equal(report.Journeys.Single().Offered, report.Failed);
        Assert.Equal(report.Journeys.Single().Offered, report.Journeys.Single().Failed);
    }

    [Fact]
    public async Task A_list_that_is_not_sorted_by_price_is_found()
    {
        _shop.Fault = Fault.NotByPrice;

        var report = await _shop.LoadAsync(Mix.Only(Journey.Find), Profile.Constant(100, TimeSpan.FromSeconds(1)));

        // Half of the visitors sort.
        Assert.InRange(report.Failed, 20, 80);
        Assert.All(report.Failures, failure => Assert.Equal(FailureKind.WrongAnswer, failure.Kind));
    }

    [Theory]
    [InlineData(Fault.BasketOfAnother, "basket", "customer did not choose")]
    [InlineData(Fault.OrderOfAnother, "place", "customer did not choose")]
    [InlineData(Fault.ListOfAnother, "order", "not the one that was just placed")]
    public async Task What_is_somebody_elses_is_found(Fault fault, string mix, string complaint)
    {
        _shop.Fault = fault;

        var report = await _shop.LoadAsync(Mix.Parse(mix), Profile.Constant(100, TimeSpan.FromSeconds(1)));

        Assert.NotEmpty(report.Failures);
        Assert.All(report.Failures, failure => Assert.Equal(FailureKind.WrongAnswer, failure.Kind));
        Assert.All(report.Failures, failure => Assert.Contains(complaint, failure.Detail, StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_order_that_is_shown_to_another_customer_is_found()
    {
        _shop.Fault = Fault.AnotherOrderIsShown;

        var report = await _shop.LoadAsync(Mix.Only(Journey.Order), Profile.Constant(1_000, TimeSpan.FromSeconds(1)));

        Assert.NotEmpty(report.Failures);
        Assert.All(report.Failures, failure => Assert.Equal(("order: another's", FailureKind.Status, 200), (failure.Request, failure.Kind, failure.Status)));
    }

    [Fact]
    public async Task An_event_stream_that_breaks_off_is_resumed_and_nothing_is_missed()
    {
        _shop.BreakStreamsAfter = 2;

        var report = await _shop.LoadAsync(Mix.Only(Journey.Watch), Profile.Constant(100, TimeSpan.FromSeconds(1)));

        Assert.Equal(0, report.Failed);
        Assert.Equal(report.Journeys.Single().Offered, report.OrdersEnded["delivered"]);
        Assert.True(report.Resumed >= report.OrdersPlaced, report.ToString());
    }

    [Fact]
    public async Task Tokens_are_in_no_report()
    {
        foreach (var fault in Enum.GetValues<Fault>())
        {
            _shop.Fault = fault;
            var report = await _shop.LoadAsync(new(Browse: 1, Basket: 1, Order: 1), Profile.Constant(40, TimeSpan.FromSeconds(0.2)));
            Assert.DoesNotMatch("[0-9a-f]{32}", Reporting.ReportFiles.ToJson(report));
        }
    }
}
