using System.Net;
using Grpc.Core;
using ShopMesh.Shipping.V1;
using Cancelled = ShopMesh.Shipping.V1.CancelShipmentsResponse.Types.Outcome;
using Client = ShopMesh.Shipping.V1.Shipping.ShippingClient;
using Dispatched = ShopMesh.Shipping.V1.DispatchShipmentsResponse.Types.Outcome;
using Outcome = ShopMesh.Shipping.V1.CreateShipmentsResponse.Types.Outcome;
using Status = ShopMesh.Shipping.V1.Shipment.Types.Status;

[assembly: AssemblyFixture(typeof(ShopMesh.Shipping.Tests.ShippingShop))]

namespace ShopMesh.Shipping.Tests;

public sealed class ShippingShop() : RunningShop("shipping");

public sealed class ShippingTests(ShippingShop shop) : IAsyncLifetime
{
    private Client _shipping = null!;

    public async ValueTask InitializeAsync() => _shipping = new(await shop.CallAsync("shipping"));

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task A_shipment_is_created_dispatched_and_delivered_once()
    {
        var order = Order();

        var created = await CreateAsync(order);
        var again = await CreateAsync(order);
        var dispatched = await DispatchAsync(order);
        var dispatchedAgain = await DispatchAsync(order);

        Assert.Equal((Outcome.Created, created.Shipment.TrackingNumber), (again.Outcome, again.Shipment.TrackingNumber));
        Assert.Equal(Status.Dispatched, dispatched.Shipment.Status);
        Assert.Equal(dispatched.Shipment.ExpectedDelivery, dispatchedAgain.Shipment.ExpectedDelivery);
        await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(10), async () => (await FindAsync(order)).Single().Status is Status.Delivered);
    }

    [Fact]
    public async Task A_cancelled_shipment_is_never_sent()
    {
        var order = Order();
        await CreateAsync(order);

        Assert.Equal(Cancelled.Cancelled, await CancelAsync(order));
        Assert.Equal(Cancelled.Cancelled, await CancelAsync(order));

        Assert.Equal(Outcome.Cancelled, (await CreateAsync(order)).Outcome);
        Assert.Equal(Dispatched.NoShipment, (await DispatchAsync(order)).Outcome);
        Assert.Equal(Status.Cancelled, (await FindAsync(order)).Single().Status);
    }

    [Fact]
    public async Task A_shipment_that_is_created_after_its_cancel_is_refused()
    {
        var order = Order();
        Assert.Equal(Cancelled.Cancelled, await CancelAsync(order));

        Assert.Equal(Outcome.Cancelled, (await CreateAsync(order)).Outcome);
        Assert.Empty(await FindAsync(order));
    }

    [Fact]
    public async Task What_is_on_its_way_cannot_be_cancelled()
    {
        var order = Order();
        await CreateAsync(order);
        await DispatchAsync(order);

        Assert.Equal(Cancelled.OnItsWay, await CancelAsync(order));
    }

    [Fact]
    public async Task Of_a_dispatch_and_a_cancel_at_once_one_wins()
    {
        await Task.WhenAll(Enumerable.Range(0, 30).Select(async _ =>
        {
            var order = Order();
            await CreateAsync(order);
            var (dispatch, cancel) = (DispatchAsync(order), CancelAsync(order));
            Assert.Equal((await dispatch).Outcome is Dispatched.Dispatched ? Cancelled.OnItsWay : Cancelled.Cancelled, await cancel);
        }));
    }

    [Fact]
    public async Task Orders_of_one_call_are_each_answered_at_their_place()
    {
        var (sent, cancelled, onItsWay) = (Order(), Order(), Order());
        await CancelAsync(cancelled);
        await CreateAsync(onItsWay);
        await DispatchAsync(onItsWay);

        var created = (await _shipping.CreateShipmentsAsync(new() { Orders = { Wanted(cancelled), Wanted(sent), Wanted(onItsWay), Wanted(sent) } })).Results;
        var dispatched = (await _shipping.DispatchShipmentsAsync(new() { OrderIds = { Order(), cancelled, onItsWay } })).Results;
        var calledOff = (await _shipping.CancelShipmentsAsync(new() { OrderIds = { onItsWay, sent, sent, cancelled } })).Outcomes;

        Assert.Equal([Outcome.Cancelled, Outcome.Created, Outcome.Created, Outcome.Created], created.Select(result => result.Outcome));
        Assert.Equal(created[1].Shipment, created[3].Shipment);
        Assert.Equal([Dispatched.NoShipment, Dispatched.NoShipment, Dispatched.Dispatched], dispatched.Select(result => result.Outcome));
        Assert.Equal([Cancelled.OnItsWay, Cancelled.Cancelled, Cancelled.Cancelled, Cancelled.Cancelled], calledOff);
    }

    [Fact]
    public async Task The_same_orders_in_many_calls_at_once_have_one_shipment_each()
    {
        var orders = Enumerable.Range(0, 20).Select(_ => Order()).ToArray();

        var numbers = await Task.WhenAll(Enumerable.Range(0, 10).Select(async seed =>
        {
            var (random, mine) = (new Random(seed), orders.ToArray());
            random.Shuffle(mine);
            var created = (await _shipping.CreateShipmentsAsync(new() { Orders = { mine.Select(order => Wanted(order)) } })).Results;
            random.Shuffle(mine);
            Assert.All((await _shipping.DispatchShipmentsAsync(new() { OrderIds = { mine } })).Results, result => Assert.Equal(Dispatched.Dispatched, result.Outcome));
            return created.OrderBy(result => result.Shipment.OrderId, StringComparer.Ordinal).Select(result => result.Shipment.TrackingNumber).ToArray();
        }));

        Assert.All(numbers, mine => Assert.Equal(numbers[0], mine));
        Assert.DoesNotContain("deadlock", await shop.DatabaseLogAsync(), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Rates_are_the_same_inside_and_outside()
    {
        using var visitor = Shopper.Visitor(shop.Gateway);

        var rates = (await _shipping.GetRatesAsync(new())).Rates;
        var options = (await visitor.GetAsync("/api/shipping/options?country=DE"))["items"]!.AsArray();

        Assert.Equal(rates.Select(rate => (rate.Id, rate.Price.MinorUnits / 100m)), options.Select(option => ((string)option!["id"]!, option["price"]!.Amount())));
    }

    [Theory]
    [InlineData("?country=XX")]
    [InlineData("?country=Portugal")]
    [InlineData("?country=")]
    [InlineData("")]
    public async Task A_country_is_an_ISO_3166_code(string query)
    {
        using var visitor = Shopper.Visitor(shop.Gateway);

        using var response = await visitor.SendAsync(HttpMethod.Get, $"/api/shipping/options{query}");

        await response.ShouldBeProblemAsync(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task A_shipment_needs_a_known_rate_and_an_address()
    {
        await ShouldFailAsync(StatusCode.InvalidArgument, CreateAsync(Order(), rate: "no-such-rate"));
        await ShouldFailAsync(StatusCode.InvalidArgument, CreateAsync(Order(), country: "XX"));
        await ShouldFailAsync(StatusCode.InvalidArgument, CreateAsync(""));
    }

    private static string Order() => Guid.CreateVersion7().ToString();

    private static CreateShipmentsRequest.Types.Order Wanted(string order, string rate = "standard", string country = "PT") => new()
    {
        OrderId = order,
        RateId = rate,
        Address = new() { Name = "A", Line1 = "Rua Augusta 1", City = "Lisboa", PostalCode = "1100-048", Country = country },
    };

    private async Task<CreateShipmentsResponse.Types.Result> CreateAsync(string order, string rate = "standard", string country = "PT") =>
        Assert.Single((await _shipping.CreateShipmentsAsync(new() { Orders = { Wanted(order, rate, country) } })).Results);

    private async Task<DispatchShipmentsResponse.Types.Result> DispatchAsync(string order) => Assert.Single((await _shipping.DispatchShipmentsAsync(new() { OrderIds = { order } })).Results);

    private async Task<Cancelled> CancelAsync(string order) => Assert.Single((await _shipping.CancelShipmentsAsync(new() { OrderIds = { order } })).Outcomes);

    private async Task<IEnumerable<Shipment>> FindAsync(string order) => (await _shipping.GetShipmentsAsync(new() { OrderIds = { order } })).Shipments;

    private static async Task ShouldFailAsync(StatusCode code, Task call) => Assert.Equal(code, (await Assert.ThrowsAsync<RpcException>(() => call)).StatusCode);
}
