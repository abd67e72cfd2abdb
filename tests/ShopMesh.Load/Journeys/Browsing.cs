namespace ShopMesh.Load.Journeys;

/// <summary>A page of products, one of them, and whether it is there.</summary>
internal static class Browsing
{
    public static async Task RunAsync(Visit visit)
    {
        var page = await visit.GetAsync("products", $"/api/catalog/products?limit=20&cursor={Uri.EscapeDataString(visit.Shop.AnyCursor())}");
        var items = page.Body.GetProperty("items");
        page.Check(items.GetArrayLength() is > 0 and <= 20, "a page has 1 to 20 products");
        var listed = items[KnownShop.Next(items.GetArrayLength())];
        var id = listed.GetProperty("id").GetString()!;

        var product = await visit.GetAsync("product", $"/api/catalog/products/{id}");
        product.Check(product.Body.GetProperty("id").GetString() == id, "it is the product that was asked for");
        product.Check(product.Body.Amount("price") == listed.Amount("price"), "its price is the one on the page");

        var stock = await visit.GetAsync("availability", $"/api/inventory?productIds={id}");
        stock.Check(stock.Body.GetProperty("items")[0] is var line && line.GetProperty("productId").GetString() == id && line.GetProperty("available").GetInt32() >= 0, "it says how many there are");
    }
}
