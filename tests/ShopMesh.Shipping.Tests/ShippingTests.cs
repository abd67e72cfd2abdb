using System.Net;
using Grpc.Core;
using ShopMesh.Shipping.V1;
using Client = ShopMesh.Shipping.V1.Shipping.ShippingClient;
using Outcome = ShopMesh.Shipping.V1.CreateShipmentResponse.Types.Outcome;
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
        var dispatched = await _shipping.DispatchShipmentAsync(new() { OrderId = order });
        var dispatchedAgain = await _shipping.DispatchShipmentAsync(new() { OrderId = order });

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

        await _shipping.CancelShipmentAsync(new() { OrderId = order });
        await _shipping.CancelShipmentAsync(new() { OrderId = order });

        Assert.Equal(Outcome.Cancelled, (await CreateAsync(order)).Outcome);
        await ShouldFailAsync(StatusCode.FailedPrecondition, _shipping.DispatchShipmentAsync(new() { OrderId = order }).ResponseAsync);
        Assert.Equal(Status.Cancelled, (await FindAsync(order)).Single().Status);
    }

    [Fact]
    public async Task A_shipment_that_is_created_after_its_cancel_is_refused()
    {
        var order = Order();
        await _shipping.CancelShipmentAsync(new() { OrderId = order });

        Assert.Equal(Outcome.Cancelled, (await CreateAsync(order)).Outcome);
        Assert.Empty(await FindAsync(order));
    }

    [Fact]
    public async Task What_is_on_its_way_cannot_be_cancelled()
    {
        var order = Order();
        await CreateAsync(order);
        await _shipping.DispatchShipmentAsync(new() { OrderId = order });

        await ShouldFailAsync(StatusCode.FailedPrecondition, _shipping.CancelShipmentAsync(new() { OrderId = order }).ResponseAsync);
    }

    [Fact]
    public async Task Of_a_dispatch_and_a_cancel_at_once_one_wins()
    {
        await Task.WhenAll(Enumerable.Range(0, 30).Select(async _ =>
        {
            var order = Order();
            await CreateAsync(order);
            var results = await Task.WhenAll(
                SucceedsAsync(_shipping.DispatchShipmentAsync(new() { OrderId = order }).ResponseAsync),
                SucceedsAsync(_shipping.CancelShipmentAsync(new() { OrderId = order }).ResponseAsync));
            Assert.Single(results, succeeded => succeeded);
        }));
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

    private async Task<CreateShipmentResponse> CreateAsync(string order, string rate = "standard", string country = "PT") => await _shipping.CreateShipmentAsync(new()
    {
        OrderId = order,
        RateId = rate,
        Address = new() { Name = "A", Line1 = "Rua Augusta 1", City = "Lisboa", PostalCode = "1100-048", Country = country },
    });

    private async Task<IEnumerable<Shipment>> FindAsync(string order) => (await _shipping.GetShipmentsAsync(new() { OrderIds = { order } })).Shipments;

    private static async Task<bool> SucceedsAsync(Task call)
    {
        try
        {
            await call;
            return true;
        }
        catch (RpcException)
        {
            return false;
        }
    }

    private static async Task ShouldFailAsync(StatusCode code, Task call) => Assert.Equal(code, (await Assert.ThrowsAsync<RpcException>(() => call)).StatusCode);
}
