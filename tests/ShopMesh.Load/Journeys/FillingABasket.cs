using System.Text.Json;

namespace ShopMesh.Load.Journeys;

/// <summary>A product goes into the basket, the basket is looked at, and the product goes out again.</summary>
internal static class FillingABasket
{
    public static async Task RunAsync(Visit visit)
    {
        var product = visit.AnyProduct();
        var quantity = 1 + KnownShop.Next(5);
        CheckBasket(await visit.PutInBasketAsync(product, quantity), product, quantity);
        CheckBasket(await visit.GetAsync("basket", "/api/basket"), product, quantity);
        await visit.SendAsync("basket: remove", HttpMethod.Delete, $"/api/basket/items/{product}");
    }

    /// <summary>Other products may be in it: those of an order that is still to be taken out.</summary>
    public static void CheckBasket(Answer basket, string product, int quantity)
    {
        var lines = basket.Body.GetProperty("items").EnumerateArray().ToList();
        var line = lines.Find(line => line.GetProperty("productId").GetString() == product);
        basket.Check(line.ValueKind is JsonValueKind.Object && line.GetProperty("quantity").GetInt32() == quantity, "the basket holds what was put in");
        basket.Check(lines.TrueForAll(line => line.Amount("lineTotal") == line.Amount("unitPrice") * line.GetProperty("quantity").GetInt32()), "each line's total is its price times its quantity");
        basket.Check(basket.Body.Amount("total") == lines.Sum(line => line.Amount("lineTotal")), "the total is the sum of the lines");
    }
}
