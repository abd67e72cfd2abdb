using Grpc.Core;
using Grpc.Net.Client;
using ShopMesh.Hosting;
using ShopMesh.Ordering.V1;
using Client = ShopMesh.Ordering.V1.Ordering.OrderingClient;
using Status = ShopMesh.Ordering.V1.Status;

namespace ShopMesh.Ordering.Tests;

/// <summary>A shop whose ordering takes as long to leave as an order to be delivered.</summary>
public sealed class DrainingShop() : RunningShop(Draining())
{
    private static LocalShopOptions Draining()
    {
        var options = Of("catalog", "inventory", "basket", "payment", "shipping", "ordering");
        options.Settings["ordering"] = new() { ["Shutdown__Drain"] = "00:00:20", ["Ordering__DispatchDelay"] = "00:00:01" };
        options.Settings["shipping"] = new() { ["Shipping__DeliveryDelay"] = "00:00:01" };
        return options;
    }
}

public sealed class DrainTests(DrainingShop shop) : IClassFixture<DrainingShop>
{
    /// <summary>Where DNS keeps an answer for long, clients that follow an order are sent to a pod that is about to go for as long.</summary>
    [Fact]
    public async Task A_pod_that_was_asked_to_stop_tells_how_an_order_goes_on_until_its_drain_is_over()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        using var customer = await shop.CustomerAsync();
        var product = await shop.NewProductAsync(onHand: 5);
        var pod = shop.Processes["ordering"].Replicas[0];
        using var channel = GrpcChannel.ForAddress(pod.Grpc);
        var order = await customer.OrderAsync(product);

        var stopped = pod.StopAsync(grace: TimeSpan.FromSeconds(30));
        await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(5), async () => !await pod.IsReadyAsync(cancellationToken));
        using var watch = new Client(channel).WatchOrder(new() { OrderId = order }, new Metadata { { "Authorization", $"{customer.Http.DefaultRequestHeaders.Authorization}" } }, DateTime.UtcNow.AddSeconds(15));
        var last = Status.Unspecified;
        await foreach (var change in watch.ResponseStream.ReadAllAsync(cancellationToken))
            last = change.Status;

        Assert.Equal(Status.Delivered, last);
        Assert.Equal(0, await stopped);
    }
}
