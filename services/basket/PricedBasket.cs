using ShopMesh.Basket.Api;
using ShopMesh.Basket.Data;
using ShopMesh.Catalog.V1;

namespace ShopMesh.Basket;

/// <summary>A basket with the catalog's names and prices of this moment. What the catalog no longer sells is left out.</summary>
internal sealed class PricedBasket(BasketContext context, Catalog.V1.Catalog.CatalogClient catalog)
{
    /// <exception cref="Grpc.Core.RpcException">The catalog is away.</exception>
    public async Task<BasketResponse> ReadAsync(string customerId, CancellationToken cancellationToken)
    {
        var items = await context.ReadAsync(customerId, cancellationToken);
        var products = await FindProductsAsync(items.Select(item => item.ProductId), cancellationToken);
        return Price(items, products);
    }

    /// <returns>Null when the catalog does not sell it.</returns>
    /// <exception cref="Grpc.Core.RpcException">The catalog is away.</exception>
    public async Task<Product?> FindProductAsync(string productId, CancellationToken cancellationToken) =>
        (await FindProductsAsync([productId], cancellationToken)).GetValueOrDefault(productId);

    private async Task<Dictionary<string, Product>> FindProductsAsync(IEnumerable<string> ids, CancellationToken cancellationToken)
    {
        var products = new Dictionary<string, Product>();
        // A basket that was filled by many requests at once may hold a few more than the catalog answers in one call.
        foreach (var chunk in ids.Chunk(Page.MaxLimit))
        {
            var answer = await catalog.GetProductsAsync(new() { Ids = { chunk } }, cancellationToken: cancellationToken);
            foreach (var product in answer.Products)
                products[product.Id] = product;
        }

        return products;
    }

    private static BasketResponse Price(List<BasketItem> items, Dictionary<string, Product> products)
    {
        var priced = new List<BasketItemResponse>(items.Count);
        foreach (var item in items)
        {
            if (products.TryGetValue(item.ProductId, out var product))
            {
                var price = Money.FromMessage(product.Price);
                priced.Add(new(item.ProductId, product.Name, item.Quantity, price, price * item.Quantity));
            }
        }

        return new(priced, Money.Sum(priced.Select(item => item.LineTotal)));
    }
}
