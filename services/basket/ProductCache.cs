using Microsoft.Extensions.Caching.Memory;
using ShopMesh.Catalog.V1;

namespace ShopMesh.Basket;

/// <summary>A product as a basket shows it.</summary>
internal sealed record BasketProduct(string Id, string Name, Money Price);

/// <summary>
/// Names and prices of the catalog, each kept for a second: a change is seen within two. What the catalog does not sell is asked for
/// each time. An order never takes a price from here.
/// </summary>
internal sealed class ProductCache(Catalog.V1.Catalog.CatalogClient catalog) : IDisposable
{
    private const int MaxProducts = 50_000;
    private static readonly TimeSpan KeepFor = TimeSpan.FromSeconds(1);

    private readonly MemoryCache _products = new(new MemoryCacheOptions { SizeLimit = MaxProducts });

    /// <summary>The product with an id that may be spelled otherwise; null when the catalog does not sell it.</summary>
    /// <exception cref="Grpc.Core.RpcException">The catalog is away.</exception>
    public async ValueTask<BasketProduct?> FindAsync(string id, CancellationToken cancellationToken) =>
        _products.TryGetValue<BasketProduct>(id, out var product) ? product : (await AskAsync([id], cancellationToken)).SingleOrDefault();

    /// <summary>Those of them that the catalog sells, by id.</summary>
    /// <exception cref="Grpc.Core.RpcException">The catalog is away.</exception>
    public async ValueTask<IReadOnlyDictionary<string, BasketProduct>> FindAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken)
    {
        var found = new Dictionary<string, BasketProduct>(ids.Count);
        List<string>? unknown = null;
        foreach (var id in ids)
        {
            if (_products.TryGetValue<BasketProduct>(id, out var product))
                found[id] = product!;
            else
                (unknown ??= []).Add(id);
        }

        // A basket that was filled by many requests at once may hold a few more than the catalog answers in one call.
        foreach (var chunk in unknown?.Chunk(Page.MaxLimit) ?? [])
        {
            foreach (var product in await AskAsync(chunk, cancellationToken))
                found[product.Id] = product;
        }

        return found;
    }

    private async Task<IReadOnlyList<BasketProduct>> AskAsync(string[] ids, CancellationToken cancellationToken)
    {
        var answer = await catalog.GetProductsAsync(new() { Ids = { ids } }, cancellationToken: cancellationToken);
        List<BasketProduct> products = [.. answer.Products.Select(message => new BasketProduct(message.Id, message.Name, Money.FromMessage(message.Price)))];
        foreach (var product in products)
            _products.Set(product.Id, product, new MemoryCacheEntryOptions { AbsoluteExpirationRelativeToNow = KeepFor, Size = 1 });
        return products;
    }

    public void Dispose() => _products.Dispose();
}
