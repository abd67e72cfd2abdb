using System.Net;

namespace ShopMesh.Load.Journeys;

internal static class Ordering
{
    public static async Task RunAsync(Visit visit)
    {
        var product = visit.AnyProduct();
        await FillingABasket.PutAsync(visit, product, 1);
        var card = await visit.SendAsync("payment token", HttpMethod.Post, "/api/payments/tokens", AnswerJson.Default.CardToken, Customers.TestCard);
        var order = await PlaceAsync(visit, product, card.Body.Token);

        CheckUnchanged(order, await visit.GetAsync("order: read", $"/api/orders/{order.Id}", AnswerJson.Default.Order));
        var list = await visit.GetAsync("orders", "/api/orders?limit=5", AnswerJson.Default.PageOrder);
        list.Check(list.Body.Items is [var newest, ..] && newest.Id == order.Id && list.Body.Items.Count <= 5, $"the newest of {list.Body.Items.Count} orders is not the one that was just placed, {order.Id}");

        if (KnownShop.Next(10) == 0 && visit.AnOrderOfAnother is { } another)
            await visit.SendAsync<Order>("order: another's", HttpMethod.Get, $"/api/orders/{another}", null, expected: HttpStatusCode.NotFound);
    }

    public static async Task PlaceAsync(Visit visit) => await PlaceOneAsync(visit);

    /// <summary>An order of one piece, with the card that the customer has used before.</summary>
    public static async Task<Order> PlaceOneAsync(Visit visit)
    {
        var product = visit.AnyProduct();
        await FillingABasket.PutAsync(visit, product, 1);
        return await PlaceAsync(visit, product, visit.Customer.CardToken);
    }

    /// <summary>Later, the order is as it was when it was placed.</summary>
    public static void CheckUnchanged(Order placed, Answer<Order> read)
    {
        read.Check(read.Body.Id == placed.Id, $"{read.Body.Id} is not the order that was asked for, {placed.Id}");
        read.Check(read.Body.Total == placed.Total && read.Body.Lines.SequenceEqual(placed.Lines), $"the order {placed.Id} of {placed.Total.Amount} has become one of {read.Body.Total.Amount}");
    }

    private static async Task<Order> PlaceAsync(Visit visit, KnownProduct product, string cardToken)
    {
        visit.BeginOrder();
        var answer = await visit.SendAsync("order", HttpMethod.Post, "/api/orders", AnswerJson.Default.Order, $$"""
            {"shippingAddress": {"name": "A Customer", "line1": "Rua do Carmo 1", "city": "Lisboa", "postalCode": "1200-093", "country": "PT"},
             "shippingOption": "standard", "paymentToken": "{{cardToken}}"}
            """, idempotencyKey: Guid.CreateVersion7().ToString(), expected: HttpStatusCode.Created);
        var order = answer.Body;
        visit.Acknowledge(order.Id);
        answer.Check(order.Status == OrderStatus.Submitted, $"a new order is {order.Status}");
        answer.Check(order.Lines.Any(line => line.ProductId == product.Id && line.Quantity == 1), $"one {product.Id} was in the basket, and the order has none");
        Lines.Check(visit, answer, order.Lines, order.ItemsTotal.Amount);
        answer.Check(order.ShippingTotal.Amount == visit.Shop.Shipping, $"shipping costs {order.ShippingTotal.Amount}, not {visit.Shop.Shipping}");
        answer.Check(order.Total.Amount == order.ItemsTotal.Amount + order.ShippingTotal.Amount, $"the total of {order.ItemsTotal.Amount} and {order.ShippingTotal.Amount} is not {order.Total.Amount}");
        return order;
    }
}
