namespace ShopMesh.Load.Journeys;

internal static class Browsing
{
    public static async Task RunAsync(Visit visit)
    {
        var page = await PageAsync(visit);
        var listed = page[KnownShop.Next(page.Count)];
        await ProductAsync(visit, listed.Id, listed.Price.Amount);

        var stock = await visit.GetAsync("availability", $"/api/inventory?productIds={listed.Id}", AnswerJson.Default.PageAvailability);
        stock.Check(stock.Body.Items is [{ Available: >= 0 } line] && line.ProductId == listed.Id, $"it does not say how many there are of {listed.Id}");
    }

    public static async Task<IReadOnlyList<ListedProduct>> PageAsync(Visit visit)
    {
        var page = await visit.GetAsync("page", $"/api/catalog/products?limit=20&cursor={Uri.EscapeDataString(visit.Shop.AnyCursor())}", AnswerJson.Default.PageListedProduct);
        page.Check(page.Body.Items.Count is > 0 and <= 20, $"a page of 20 has {page.Body.Items.Count} products");
        foreach (var product in page.Body.Items)
        {
            var known = visit.Shop.PriceOf(product.Id);
            page.Check(known is null || product.Price.Amount == known, $"the price of {product.Id} is {product.Price.Amount}, and was {known}");
        }

        return page.Body.Items;
    }

    public static Task ProductAsync(Visit visit) => visit.AnyProduct() is var known ? ProductAsync(visit, known.Id, known.Price) : Task.CompletedTask;

    /// <param name="price">As it was seen before.</param>
    public static async Task ProductAsync(Visit visit, string id, decimal price)
    {
        var product = await visit.GetAsync("product", $"/api/catalog/products/{id}", AnswerJson.Default.ListedProduct);
        product.Check(product.Body.Id == id, $"{product.Body.Id} is not the product that was asked for, {id}");
        product.Check(product.Body.Price.Amount == price, $"the price of {id} is {product.Body.Price.Amount}, and was {price}");
    }
}
