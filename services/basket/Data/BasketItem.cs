namespace ShopMesh.Basket.Data;

/// <summary>A row for each product in a customer's basket, so that concurrent changes of different products do not meet.</summary>
internal sealed class BasketItem
{
    public required string CustomerId { get; init; }

    public required string ProductId { get; init; }

    /// <summary>In pieces, 1 to 100.</summary>
    public required int Quantity { get; init; }

    public required DateTimeOffset AddedAt { get; init; }
}

/// <summary>Says that what an order contains was taken out of its basket.</summary>
internal sealed class RemovedOrder
{
    public required string OrderId { get; init; }

    public required DateTimeOffset At { get; init; }
}
