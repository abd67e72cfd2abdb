using ShopMesh.Basket.Api;
using ShopMesh.Basket.Data;

namespace ShopMesh.Basket;

/// <summary>Baskets with the catalog's names and prices. What the catalog no longer sells is left out.</summary>
internal sealed class PricedBasket(BasketRows rows, ProductCache products)
{
    /// <exception cref="Grpc.Core.RpcException">The catalog is away.</exception>
    public async Task<BasketResponse> ReadAsync(string customerId, CancellationToken cancellationToken) =>
        await PriceAsync([.. (await rows.ReadAsync([customerId], cancellationToken))[customerId]], cancellationToken);

    /// <summary>Sets how many of a product there are; the basket as it is then.</summary>
    /// <exception cref="Grpc.Core.RpcException">The catalog is away.</exception>
    public async Task<BasketChange> SetAsync(string customerId, string productId, int quantity, CancellationToken cancellationToken)
    {
        // As the catalog spells the id, so that one product has one row.
        if (await products.FindAsync(productId, cancellationToken) is not { } product)
            return new BasketChange.UnknownProduct();
        var items = await rows.SetAsync(customerId, product.Id, quantity, cancellationToken);
        return items.Exists(item => item.ProductId == product.Id)
            ? new BasketChange.Done(await PriceAsync(items, cancellationToken))
            : new BasketChange.Full();
    }

    private async Task<BasketResponse> PriceAsync(List<BasketRow> items, CancellationToken cancellationToken)
    {
        var sold = await products.FindAsync([.. items.Select(item => item.ProductId)], cancellationToken);
        List<BasketItemResponse> priced = new(items.Count);
        foreach (var item in items)
        {
            if (sold.TryGetValue(item.ProductId, out var product))
                priced.Add(new(item.ProductId, product.Name, item.Quantity, product.Price, product.Price * item.Quantity));
        }

        return new(priced, Money.Sum(priced.Select(item => item.LineTotal)));
    }
}

/// <summary>What became of a change.</summary>
internal abstract record BasketChange
{
    public sealed record Done(BasketResponse Basket) : BasketChange;

    public sealed record UnknownProduct : BasketChange;

    /// <summary>It holds as many different products as it may.</summary>
    public sealed record Full : BasketChange;
}
