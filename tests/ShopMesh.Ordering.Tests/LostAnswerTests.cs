using System.Net;
using System.Text.Json.Nodes;
using ShopMesh.Hosting;

namespace ShopMesh.Ordering.Tests;

/// <summary>A shop whose ordering reaches the others over a network that loses answers.</summary>
public sealed class LossyShop : IAsyncLifetime
{
    private RunningShop? _shop;

    public LossyMesh Mesh { get; private set; } = null!;

    public RunningShop Shop => _shop!;

    public async ValueTask InitializeAsync()
    {
        Mesh = await LossyMesh.StartAsync(service => Shop.Processes[service].Grpc);
        var links = Topology.Service("ordering").Calls.ToDictionary(service => $"Services__{service}", _ => Mesh.Address);
        links["Ordering__DispatchDelay"] = "00:00:01";
        var options = RunningShop.Of("catalog", "inventory", "basket", "payment", "shipping", "ordering");
        options.Settings["ordering"] = links;
        options.Settings["shipping"] = new() { ["Shipping__DeliveryDelay"] = "00:00:01" };
        _shop = new(options);
        await _shop.InitializeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_shop is not null)
            await _shop.DisposeAsync();
        await Mesh.DisposeAsync();
    }
}

/// <summary>For each step: done, but the answer was lost.</summary>
public sealed class LostAnswerTests(LossyShop lossy) : IClassFixture<LossyShop>
{
    private RunningShop Shop => lossy.Shop;

    [Theory]
    [InlineData("RemoveItems")]
    [InlineData("Reserve")]
    [InlineData("Authorize")]
    [InlineData("Capture")]
    [InlineData("Commit")]
    [InlineData("CreateShipments")]
    [InlineData("DispatchShipments")]
    [InlineData("GetShipments")]
    public async Task A_step_whose_answer_is_lost_is_taken_once(string step)
    {
        using var customer = await Shop.CustomerAsync();
        var product = await Shop.NewProductAsync(onHand: 10);
        await customer.PutInBasketAsync(product, 5);
        // Twice: the repeat's answer is lost as well.
        lossy.Mesh.LoseAnswers(step, 2);

        var order = await customer.OrderAsync(product, 3);

        await customer.UntilAsync(order, "delivered");
        Assert.Equal(0, lossy.Mesh.LeftToLose(step));
        Assert.Equal((7, 0), await Shop.StockAsync(product));
        Assert.Empty((await customer.GetAsync("/api/basket"))["items"]!.AsArray());
        var payment = await FindAsync("payments", order);
        var total = (await customer.GetAsync($"/api/orders/{order}"))["total"]!.Amount();
        Assert.Equal((0m, total, 0m), (payment["authorized"]!.Amount(), payment["captured"]!.Amount(), payment["refunded"]!.Amount()));
        Assert.Equal("delivered", (string)(await FindAsync("shipments", order))["status"]!);
    }

    [Theory]
    [InlineData("CancelShipments", 2)]
    [InlineData("Void", 2)]
    // Once: asked again, the void says that there is nothing to refund.
    [InlineData("Refund", 1)]
    [InlineData("Release", 2)]
    public async Task What_is_taken_back_is_taken_back_once_though_the_answer_is_lost(string step, int times)
    {
        using var customer = await Shop.CustomerAsync();
        var product = await Shop.NewProductAsync(onHand: 10);
        var order = await customer.OrderAsync(product, 3);
        await customer.UntilAsync(order, "confirmed");
        lossy.Mesh.LoseAnswers(step, times);

        using var cancel = await customer.PostAsync($"/api/orders/{order}/cancel", null);

        Assert.Equal(HttpStatusCode.Accepted, cancel.StatusCode);
        await customer.UntilAsync(order, "cancelled");
        Assert.Equal(0, lossy.Mesh.LeftToLose(step));
        Assert.Equal((10, 0), await Shop.StockAsync(product));
        var payment = await FindAsync("payments", order);
        Assert.Equal("refunded", (string)payment["status"]!);
        Assert.Equal(payment["captured"]!.Amount(), payment["refunded"]!.Amount());
        Assert.Equal("cancelled", (string)(await FindAsync("shipments", order))["status"]!);
    }

    [Theory]
    [InlineData("Authorize")]
    [InlineData("Void")]
    [InlineData("Release")]
    public async Task A_declined_order_gives_everything_back_though_an_answer_is_lost(string step)
    {
        using var customer = await Shop.CustomerAsync();
        var product = await Shop.NewProductAsync(onHand: 10);
        lossy.Mesh.LoseAnswers(step, 2);

        var order = await customer.OrderAsync(product, 3, Shopper.DeclinedCard);

        await customer.UntilAsync(order, "rejected");
        Assert.Equal(0, lossy.Mesh.LeftToLose(step));
        Assert.Equal((10, 0), await Shop.StockAsync(product));
        Assert.Equal(("declined", 0m), ((string)(await FindAsync("payments", order))["status"]!, (await FindAsync("payments", order))["captured"]!.Amount()));
    }

    [Theory]
    [InlineData("GetBaskets")]
    [InlineData("GetProducts")]
    [InlineData("GetTokens")]
    public async Task A_question_whose_answer_is_lost_places_one_order_or_none(string question)
    {
        using var customer = await Shop.CustomerAsync();
        var product = await Shop.NewProductAsync(onHand: 10);
        await customer.PutInBasketAsync(product, 1);
        var (card, key) = (await customer.TokeniseAsync(), Guid.NewGuid().ToString());
        lossy.Mesh.LoseAnswers(question, 5);

        await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(20), async () =>
        {
            using var placed = await customer.PostOrderAsync(card, key);
            Assert.Contains(placed.StatusCode, new[] { HttpStatusCode.Created, HttpStatusCode.ServiceUnavailable });
            return placed.StatusCode is HttpStatusCode.Created;
        });

        Assert.Single((await customer.GetAsync("/api/orders"))["items"]!.AsArray());
    }

    private async Task<JsonNode> FindAsync(string what, string order)
    {
        var since = DateTime.UtcNow.AddMinutes(-1).ToString("s");
        return (await Shop.Admin.GetAsync($"/api/admin/{what}?limit=100&updatedSince={since}Z"))["items"]!.AsArray().Single(item => (string)item!["orderId"]! == order)!;
    }
}
