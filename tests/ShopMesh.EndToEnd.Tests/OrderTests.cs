using System.Net;

namespace ShopMesh.EndToEnd.Tests;

[Trait("Category", "Contract")]
public sealed class OrderTests(WholeShop shop)
{
    [Fact]
    public async Task An_order_goes_from_sign_in_to_delivery()
    {
        using var alice = await Shopper.SignInAsync(shop.Gateway, "alice@example.com");
        await alice.SendAsync(HttpMethod.Delete, "/api/basket");
        var found = await alice.GetAsync("/api/catalog/products?query=oak&limit=1");
        var product = found["items"]![0]!;
        await alice.PutInBasketAsync((string)product["id"]!, 2);
        var basket = await alice.GetAsync("/api/basket");

        using var response = await alice.PostOrderAsync(await alice.TokeniseAsync());
        var order = await response.ReadAsync();

        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal($"/api/orders/{order!["id"]}", response.Headers.Location?.OriginalString);
        Assert.Equal("submitted", (string)order["status"]!);
        Assert.Equal(product["price"]!.Amount() * 2, order["itemsTotal"]!.Amount());
        Assert.Equal(basket["total"]!.Amount(), order["itemsTotal"]!.Amount());
        Assert.Equal(order["itemsTotal"]!.Amount() + order["shippingTotal"]!.Amount(), order["total"]!.Amount());
        Assert.Null(order["shipment"]);
        Assert.Null(order["reason"]);

        var delivered = await alice.UntilAsync((string)order["id"]!, "delivered");
        Assert.Equal(["submitted", "reserved", "paid", "confirmed", "dispatched", "delivered"], delivered["history"]!.AsArray().Select(change => (string)change!["status"]!));
        Assert.Equal(("visa", "4242"), ((string)delivered["payment"]!["brand"]!, (string)delivered["payment"]!["last4"]!));
        Assert.NotEmpty((string)delivered["shipment"]!["trackingNumber"]!);
        Assert.Empty((await alice.GetAsync("/api/basket"))["items"]!.AsArray());
        Assert.Equal((string)order["id"]!, (string)(await alice.GetAsync("/api/orders"))["items"]![0]!["id"]!);
    }

    [Theory]
    [InlineData(Shopper.DeclinedCard)]
    [InlineData(Shopper.CardWithoutFunds)]
    public async Task A_declined_card_rejects_the_order_and_gives_the_stock_back(string card)
    {
        using var customer = await shop.CustomerAsync();
        var product = await shop.NewProductAsync(onHand: 5);

        var order = await customer.UntilAsync(await customer.OrderAsync(product, 2, card), "rejected");

        Assert.Equal("payment_declined", (string)order["reason"]!);
        Assert.Equal((5, 0), await shop.StockAsync(product));
    }

    [Fact]
    public async Task A_card_that_asks_to_try_again_succeeds_in_the_end()
    {
        using var customer = await shop.CustomerAsync();

        await customer.UntilAsync(await customer.OrderAsync(await shop.NewProductAsync(onHand: 1), 1, Shopper.CardToTryAgain), "confirmed", "dispatched", "delivered");
    }

    [Fact]
    public async Task What_is_not_in_stock_is_rejected()
    {
        using var customer = await shop.CustomerAsync();
        var product = await shop.NewProductAsync(onHand: 2);

        var order = await customer.UntilAsync(await customer.OrderAsync(product, 3), "rejected");

        Assert.Equal("out_of_stock", (string)order["reason"]!);
        Assert.Equal((2, 0), await shop.StockAsync(product));
    }

    [Fact]
    public async Task An_order_can_be_cancelled_until_its_dispatch_begins()
    {
        using var customer = await shop.CustomerAsync();
        var product = await shop.NewProductAsync(onHand: 5);
        var order = await customer.OrderAsync(product, 2);
        await customer.UntilAsync(order, "confirmed");
        Assert.Equal((3, 0), await shop.StockAsync(product));

        using var first = await customer.PostAsync($"/api/orders/{order}/cancel", null);
        Assert.Equal(HttpStatusCode.Accepted, first.StatusCode);
        await customer.UntilAsync(order, "cancelled");
        using var again = await customer.PostAsync($"/api/orders/{order}/cancel", null);
        Assert.Equal(HttpStatusCode.Accepted, again.StatusCode);

        Assert.Equal((5, 0), await shop.StockAsync(product));
        var payment = await shop.PaymentOfAsync(order);
        Assert.Equal("refunded", (string)payment["status"]!);
        Assert.Equal(payment["captured"]!.Amount(), payment["refunded"]!.Amount());
    }

    [Fact]
    public async Task A_delivered_order_cannot_be_cancelled()
    {
        using var customer = await shop.CustomerAsync();
        var order = await customer.OrderAsync(await shop.NewProductAsync(onHand: 1));
        await customer.UntilAsync(order, "dispatched", "delivered");

        using var cancel = await customer.PostAsync($"/api/orders/{order}/cancel", null);

        await cancel.ShouldBeProblemAsync(HttpStatusCode.Conflict);
        await customer.UntilAsync(order, "delivered");
    }

    [Fact]
    public async Task A_cancel_at_any_moment_is_kept_or_refused_and_the_books_balance()
    {
        using var customer = await shop.CustomerAsync();
        var product = await shop.NewProductAsync(onHand: 1000);
        var token = await customer.TokeniseAsync();
        List<(string Order, bool Accepted)> cancels = [];
        for (var i = 0; i < 30; i++)
        {
            await customer.PutInBasketAsync(product, 1);
            using var placed = await customer.PostOrderAsync(token);
            var order = (string)(await placed.ReadAsync())!["id"]!;
            // From right away to well within the process.
            await Task.Delay(i * 3, TestContext.Current.CancellationToken);
            using var cancel = await customer.PostAsync($"/api/orders/{order}/cancel", null);
            cancels.Add((order, cancel.StatusCode is HttpStatusCode.Accepted));
        }

        foreach (var (order, accepted) in cancels)
            Assert.Equal(accepted ? "cancelled" : "delivered", (string)(await customer.UntilFinalAsync(order))["status"]!);
        var sold = cancels.Count(cancel => !cancel.Accepted);
        Assert.Equal((1000 - sold, 0), await shop.StockAsync(product));
    }

    [Fact]
    public async Task The_events_tell_every_change_from_the_first_and_resume_where_they_broke_off()
    {
        using var customer = await shop.CustomerAsync();
        var order = await customer.OrderAsync(await shop.NewProductAsync(onHand: 1));

        var all = await WholeShop.EventsAsync(customer, order);
        var rest = await WholeShop.EventsAsync(customer, order, lastEventId: all[2].Id);

        Assert.Equal(["submitted", "reserved", "paid", "confirmed", "dispatched", "delivered"], all.Select(change => change.Status));
        Assert.Equal(all[3..], rest);
    }
}
