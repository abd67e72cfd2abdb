using Grpc.Core;
using Grpc.Net.Client;
using ShopMesh.Ordering.V1;
using Client = ShopMesh.Ordering.V1.Ordering.OrderingClient;
using Status = ShopMesh.Ordering.V1.Status;

namespace ShopMesh.Ordering.Tests;

public sealed class OrderingShop() : RunningShop("catalog", "inventory", "basket", "payment", "shipping", "ordering");

/// <summary>Ordering over gRPC, as the shop's pages use it for a person who is signed in.</summary>
public sealed class OrderingServiceTests(OrderingShop shop) : IClassFixture<OrderingShop>, IDisposable
{
    private readonly GrpcChannel _channel = GrpcChannel.ForAddress(shop.Processes["ordering"].Grpc);

    public void Dispose() => _channel.Dispose();

    [Fact]
    public async Task An_order_is_placed_read_listed_and_watched_to_its_end()
    {
        using var customer = await shop.CustomerAsync();
        var (ordering, headers) = (new Client(_channel), HeadersOf(customer));
        await customer.PutInBasketAsync(await shop.NewProductAsync(onHand: 5, "10.00"), 2);
        var request = await RequestAsync(customer);

        var placed = await ordering.PlaceOrderAsync(request, headers);
        var again = await ordering.PlaceOrderAsync(request, headers);
        var listed = await ordering.ListOrdersAsync(new(), headers);
        List<Status> watched = [];
        using (var watch = ordering.WatchOrder(new() { OrderId = placed.Id }, headers, DateTime.UtcNow.AddSeconds(60)))
        {
            await foreach (var change in watch.ResponseStream.ReadAllAsync(TestContext.Current.CancellationToken))
                watched.Add(change.Status);
        }

        Assert.Equal(placed.Id, again.Id);
        Assert.Equal(placed.Id, Assert.Single(listed.Orders).Id);
        Assert.Equal(2000, placed.ItemsTotal.MinorUnits);
        Assert.Equal([Status.Submitted, Status.Reserved, Status.Paid, Status.Confirmed, Status.Dispatched, Status.Delivered], watched);
    }

    [Fact]
    public async Task A_customer_cannot_name_another()
    {
        using var owner = await shop.CustomerAsync();
        using var other = await shop.CustomerAsync();
        var ordering = new Client(_channel);
        await owner.PutInBasketAsync(await shop.NewProductAsync(onHand: 5), 2);
        var placed = await ordering.PlaceOrderAsync(await RequestAsync(owner), HeadersOf(owner));
        var ownerId = (string)(await owner.GetAsync("/api/accounts/me"))["id"]!;

        foreach (var call in new[]
        {
            ordering.GetOrderAsync(new() { OrderId = placed.Id }, HeadersOf(other)).ResponseAsync,
            ordering.GetOrderAsync(new() { OrderId = placed.Id, CustomerId = ownerId }, HeadersOf(other)).ResponseAsync,
        })
        {
            var refused = await Assert.ThrowsAsync<RpcException>(() => call);
            Assert.Contains(refused.StatusCode, new[] { StatusCode.NotFound, StatusCode.PermissionDenied });
        }

        Assert.Empty((await ordering.ListOrdersAsync(new(), HeadersOf(other))).Orders);
        var nobody = await Assert.ThrowsAsync<RpcException>(() => ordering.GetOrderAsync(new() { OrderId = placed.Id }).ResponseAsync);
        Assert.Equal(StatusCode.Unauthenticated, nobody.StatusCode);
    }

    [Fact]
    public async Task What_cannot_be_ordered_is_refused_as_in_the_JSON_API()
    {
        using var customer = await shop.CustomerAsync();
        var (ordering, headers) = (new Client(_channel), HeadersOf(customer));
        var request = await RequestAsync(customer);

        Assert.Equal(StatusCode.FailedPrecondition, await StatusAsync(request));
        await customer.PutInBasketAsync(await shop.NewProductAsync(onHand: 5), 2);
        Assert.Equal(StatusCode.InvalidArgument, await StatusAsync(new(request) { IdempotencyKey = "" }));
        Assert.Equal(StatusCode.InvalidArgument, await StatusAsync(new(request) { ShippingOption = "teleport" }));
        Assert.Equal(StatusCode.InvalidArgument, await StatusAsync(new(request) { ShippingAddress = null }));
        Assert.Equal(StatusCode.Aborted, await StatusAsync(new(request) { ExpectedTotal = new() { CurrencyCode = "EUR", MinorUnits = 1 } }));
        await ordering.PlaceOrderAsync(request, headers);
        Assert.Equal(StatusCode.AlreadyExists, await StatusAsync(new(request) { ShippingOption = "express" }));

        async Task<StatusCode> StatusAsync(PlaceOrderRequest bad) => (await Assert.ThrowsAsync<RpcException>(() => ordering.PlaceOrderAsync(bad, headers).ResponseAsync)).StatusCode;
    }

    private static Metadata HeadersOf(Shopper customer) => new() { { "Authorization", customer.Http.DefaultRequestHeaders.Authorization!.ToString() } };

    private static async Task<PlaceOrderRequest> RequestAsync(Shopper customer) => new()
    {
        IdempotencyKey = Guid.NewGuid().ToString(),
        ShippingOption = "standard",
        PaymentToken = await customer.TokeniseAsync(),
        ShippingAddress = new() { Name = "A", Line1 = "Rua Augusta 1", City = "Lisboa", PostalCode = "1100-048", Country = "PT" },
    };
}
