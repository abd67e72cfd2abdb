using System.Net;

namespace ShopMesh.EndToEnd.Tests;

[Trait("Category", "Contract")]
public sealed class IdempotencyTests(WholeShop shop)
{
    [Fact]
    public async Task The_same_key_and_body_give_the_same_201_also_after_the_basket_has_changed()
    {
        using var customer = await shop.CustomerAsync();
        var product = await shop.NewProductAsync(onHand: 10);
        await customer.PutInBasketAsync(product, 1);
        var card = await customer.TokeniseAsync();
        var key = Guid.NewGuid().ToString();
        using var first = await customer.PostOrderAsync(card, key);
        var answer = (await first.ReadAsync())!;
        await customer.UntilAsync((string)answer["id"]!, "confirmed", "dispatched", "delivered");
        await customer.PutInBasketAsync(product, 5);

        // Other white space, another order of the fields, and a field nobody knows: the same values.
        using var second = await customer.PostAsync("/api/orders", $$"""
            {"paymentToken": "{{card}}",   "unknown": [1], "shippingOption": "standard",
             "shippingAddress": {"country": "PT", "postalCode": "1100-048", "name": "A Customer", "line1": "Rua Augusta 1", "city": "Lisboa", "line2": null} }
            """, ("Idempotency-Key", key));

        Assert.Equal(HttpStatusCode.Created, second.StatusCode);
        Assert.Equal(answer.ToJsonString(), (await second.ReadAsync())!.ToJsonString());
        Assert.Single((await customer.GetAsync("/api/orders"))["items"]!.AsArray());
        Assert.Equal(5, (int)(await customer.GetAsync("/api/basket"))["items"]![0]!["quantity"]!);
    }

    [Fact]
    public async Task The_key_with_another_body_is_refused()
    {
        using var customer = await shop.CustomerAsync();
        await customer.PutInBasketAsync(await shop.NewProductAsync(onHand: 10), 1);
        var card = await customer.TokeniseAsync();
        var key = new string('k', 255);
        using var first = await customer.PostOrderAsync(card, key);
        Assert.Equal(HttpStatusCode.Created, first.StatusCode);

        using var other = await customer.PostAsync("/api/orders", Shopper.OrderOf(card, "express"), ("Idempotency-Key", key));

        await other.ShouldBeProblemAsync(HttpStatusCode.Conflict);
    }

    [Fact]
    public async Task Two_customers_may_choose_the_same_key()
    {
        var key = Guid.NewGuid().ToString();
        var product = await shop.NewProductAsync(onHand: 10);
        using var one = await shop.CustomerAsync();
        using var other = await shop.CustomerAsync();
        await one.PutInBasketAsync(product, 1);
        await other.PutInBasketAsync(product, 1);

        using var first = await one.PostOrderAsync(await one.TokeniseAsync(), key);
        using var second = await other.PostOrderAsync(await other.TokeniseAsync(), key);

        Assert.Equal((HttpStatusCode.Created, HttpStatusCode.Created), (first.StatusCode, second.StatusCode));
        Assert.NotEqual((string)(await first.ReadAsync())!["id"]!, (string)(await second.ReadAsync())!["id"]!);
    }

    [Fact]
    public async Task An_error_frees_the_key()
    {
        using var customer = await shop.CustomerAsync();
        var card = await customer.TokeniseAsync();
        var key = Guid.NewGuid().ToString();
        using var empty = await customer.PostOrderAsync(card, key);
        await empty.ShouldBeProblemAsync(HttpStatusCode.UnprocessableEntity);
        await customer.PutInBasketAsync(await shop.NewProductAsync(onHand: 10), 1);
        using var wrong = await customer.PostAsync("/api/orders", Shopper.OrderOf(card, expectedTotal: new { amount = "0.01", currency = "EUR" }), ("Idempotency-Key", key));
        await wrong.ShouldBeProblemAsync(HttpStatusCode.Conflict);

        using var placed = await customer.PostOrderAsync(card, key);

        Assert.Equal(HttpStatusCode.Created, placed.StatusCode);
    }
}
