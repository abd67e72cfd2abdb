namespace ShopMesh.Load.Journeys;

internal static class FillingABasket
{
    /// <summary>How many products a basket holds that is only changed.</summary>
    private const int Few = 3;

    public static async Task RunAsync(Visit visit)
    {
        var product = visit.AnyProduct();
        var quantity = 1 + KnownShop.Next(5);
        await PutAsync(visit, product, quantity);
        Check(visit, await visit.GetAsync("basket", "/api/basket", AnswerJson.Default.Basket), product, quantity);
        await visit.SendAsync<Basket>("basket: remove", HttpMethod.Delete, $"/api/basket/items/{product.Id}", null);
        visit.Customer.MayHold.Remove(product.Id);
    }

    public static Task PutAsync(Visit visit)
    {
        var held = visit.Customer.MayHold.Where(id => !visit.Customer.Leaving.Contains(id)).ToArray();
        var product = held.Length < Few ? visit.AnyProduct() : visit.Shop.Find(held[KnownShop.Next(held.Length)]);
        return PutAsync(visit, product, 1 + KnownShop.Next(100));
    }

    public static async Task PutAsync(Visit visit, KnownProduct product, int quantity)
    {
        visit.Customer.MayHold.Add(product.Id);
        Check(visit, await visit.SendAsync("basket: put", HttpMethod.Put, $"/api/basket/items/{product.Id}", AnswerJson.Default.Basket, $$"""{"quantity": {{quantity}}}"""), product, quantity);
    }

    /// <summary>It is this customer's, holds what was put in, and adds up.</summary>
    private static void Check(Visit visit, Answer<Basket> basket, KnownProduct product, int quantity)
    {
        var lines = basket.Body.Items;
        var line = lines.FirstOrDefault(line => line.ProductId == product.Id);
        basket.Check(line?.Quantity == quantity, $"{quantity} of {product.Id} were put in, and there are {line?.Quantity}");
        Lines.Check(visit, basket, lines, basket.Body.Total.Amount);
        // What is not there has gone for good.
        visit.Customer.MayHold.RemoveWhere(id => !lines.Any(line => line.ProductId == id));
    }
}
