namespace ShopMesh.Load.Journeys;

/// <summary>A product is put into the basket, a card turned into a token, the basket ordered, and the order looked at.</summary>
internal static class Ordering
{
    public static async Task RunAsync(Visit visit)
    {
        var product = visit.AnyProduct();
        FillingABasket.CheckBasket(await visit.PutInBasketAsync(product, 1), product, 1);
        visit.Customer.LastOrdered = product;

        var card = await visit.SendAsync("payment token", HttpMethod.Post, "/api/payments/tokens", """{"number": "4242 4242 4242 4242", "expiry": "12/39", "cvc": "123", "holder": "A Customer"}""");
        var order = await visit.SendAsync("order", HttpMethod.Post, "/api/orders", $$"""
            {"shippingAddress": {"name": "A Customer", "line1": "Rua do Carmo 1", "city": "Lisboa", "postalCode": "1200-093", "country": "PT"},
             "shippingOption": "standard", "paymentToken": "{{card.Body.GetProperty("token").GetString()}}"}
            """, idempotencyKey: Guid.CreateVersion7().ToString());
        var id = order.Body.GetProperty("id").GetString()!;
        visit.Acknowledge(id);
        var total = order.Body.Amount("total");
        order.Check(total == order.Body.Amount("itemsTotal") + order.Body.Amount("shippingTotal"), "the total is that of the items and the shipping");
        order.Check(order.Body.GetProperty("lines").EnumerateArray().Any(line => line.GetProperty("productId").GetString() == product), "the order has what was in the basket");

        var read = await visit.GetAsync("order: read", $"/api/orders/{id}");
        read.Check(read.Body.GetProperty("id").GetString() == id && read.Body.Amount("total") == total, "the order reads as it was placed");
    }
}
