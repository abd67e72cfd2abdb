using System.Net;

namespace ShopMesh.EndToEnd.Tests;

[Collection(nameof(Disturbed))]
public sealed class OutageTests(WholeShop shop)
{
    [Fact]
    public async Task With_payment_and_shipping_stopped_orders_are_taken_and_complete_when_they_return()
    {
        using var customer = await shop.CustomerAsync();
        using var stranger = await shop.CustomerAsync();
        var product = await shop.NewProductAsync(onHand: 10);
        var card = await customer.TokeniseAsync();
        // Ordering has asked shipping for its rates by now, if only once.
        await customer.UntilAsync(await customer.OrderAsync(product), "confirmed", "dispatched", "delivered");
        await shop.StopAsync("payment");
        await shop.StopAsync("shipping");
        string order, strangers;
        try
        {
            Assert.NotEmpty((await customer.GetAsync("/api/catalog/products?query=oak"))["items"]!.AsArray());
            await customer.PutInBasketAsync(product, 2);
            using var placed = await customer.PostOrderAsync(card);
            Assert.Equal(HttpStatusCode.Created, placed.StatusCode);
            order = (string)(await placed.ReadAsync())!["id"]!;
            await stranger.PutInBasketAsync(product, 1);
            using var withAnothersCard = await stranger.PostOrderAsync(card);
            Assert.Equal(HttpStatusCode.Created, withAnothersCard.StatusCode);
            strangers = (string)(await withAnothersCard.ReadAsync())!["id"]!;

            await customer.UntilAsync(order, "reserved");
            using var tokenise = await customer.PostAsync("/api/payments/tokens", new { number = Shopper.AcceptedCard, expiry = "12/30", cvc = "123", holder = "A" });
            Assert.Contains(tokenise.StatusCode, new[] { HttpStatusCode.BadGateway, HttpStatusCode.ServiceUnavailable });
        }
        finally
        {
            await shop.StartAsync("payment");
            await shop.StartAsync("shipping");
        }

        var delivered = await customer.UntilAsync(order, "delivered");
        Assert.Equal("4242", (string)delivered["payment"]!["last4"]!);
        Assert.Equal("payment_declined", (string)(await stranger.UntilAsync(strangers, "rejected"))["reason"]!);
        Assert.Equal((7, 0), await shop.StockAsync(product));
    }

    [Fact]
    public async Task Without_identity_the_services_go_on_and_nobody_new_signs_in()
    {
        using var customer = await shop.CustomerAsync();
        var product = await shop.NewProductAsync(onHand: 10);
        await shop.StopAsync("identity");
        try
        {
            await customer.UntilAsync(await customer.OrderAsync(product), "confirmed", "dispatched", "delivered");
            using var visitor = Shopper.Visitor(shop.Gateway);
            using var signIn = await visitor.Http.PostAsync("/connect/token", new FormUrlEncodedContent([new("grant_type", "password")]), TestContext.Current.CancellationToken);
            Assert.Contains(signIn.StatusCode, new[] { HttpStatusCode.BadGateway, HttpStatusCode.ServiceUnavailable });
        }
        finally
        {
            await shop.StartAsync("identity");
        }
    }

    [Fact]
    public async Task Without_the_catalog_a_basket_is_503_and_all_is_soon_there_again_with_it()
    {
        using var customer = await shop.CustomerAsync();
        await customer.PutInBasketAsync(await shop.NewProductAsync(onHand: 10), 1);
        await shop.StopAsync("catalog");
        try
        {
            // Names and prices are kept for a second.
            await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(5), async () =>
            {
                using var basket = await customer.SendAsync(HttpMethod.Get, "/api/basket");
                if (basket.IsSuccessStatusCode)
                    return false;
                await basket.ShouldBeProblemAsync(HttpStatusCode.ServiceUnavailable);
                Assert.NotNull(basket.Headers.RetryAfter);
                return true;
            });
        }
        finally
        {
            await shop.StartAsync("catalog");
        }

        await OrdersAgainAsync(customer);
    }

    [Fact]
    public async Task Without_baskets_nothing_new_is_ordered_and_what_was_is_answered_the_same()
    {
        using var customer = await shop.CustomerAsync();
        await customer.PutInBasketAsync(await shop.NewProductAsync(onHand: 10), 1);
        var (card, key) = (await customer.TokeniseAsync(), Guid.NewGuid().ToString());
        using var first = await customer.PostOrderAsync(card, key);
        await shop.StopAsync("basket");
        try
        {
            using var again = await customer.PostOrderAsync(card, key);
            using var another = await customer.PostOrderAsync(card);

            Assert.Equal(HttpStatusCode.Created, again.StatusCode);
            Assert.Equal((await first.ReadAsync())!.ToJsonString(), (await again.ReadAsync())!.ToJsonString());
            await another.ShouldBeProblemAsync(HttpStatusCode.ServiceUnavailable);
        }
        finally
        {
            await shop.StartAsync("basket");
        }

        await OrdersAgainAsync(customer);
    }

    /// <summary>A service that is back is soon seen by all who call it: they look for it once a second or more often.</summary>
    private async Task OrdersAgainAsync(Shopper customer)
    {
        var (product, card) = (await shop.NewProductAsync(onHand: 10), await customer.TokeniseAsync());
        await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(3), async () =>
        {
            using var put = await customer.PutAsync($"/api/basket/items/{product}", new { quantity = 1 });
            using var order = await customer.PostOrderAsync(card);
            return put.IsSuccessStatusCode && order.IsSuccessStatusCode;
        });
    }
}
