using System.Text.Json.Serialization;

namespace ShopMesh.Ordering.Data;

[JsonConverter(typeof(LowerCaseEnumConverter<OrderStatus>))]
internal enum OrderStatus
{
    Submitted,
    Reserved,
    Paid,
    Confirmed,
    Dispatched,
    Delivered,
    Rejected,
    Cancelled,
}

/// <summary>What the order process does next for an order; see <see cref="Process.OrderProcess"/>.</summary>
internal enum OrderStep
{
    /// <summary>Takes what was ordered out of the basket, and holds the stock.</summary>
    Reserve,
    Authorize,
    Capture,

    /// <summary>Commits the stock and creates the shipment.</summary>
    Fulfil,

    /// <summary>Waits for the dispatch to begin: the last moment to cancel.</summary>
    AwaitDispatch,
    Dispatch,
    Deliver,
    Undo,
    Done,
}

internal static class RejectionReasons
{
    public const string OutOfStock = "out_of_stock";
    public const string PaymentDeclined = "payment_declined";
    public const string ProductUnavailable = "product_unavailable";
}

/// <summary>An order: its state, its history and the next step of its process are one row.</summary>
internal sealed class Order
{
    public required Guid Id { get; init; }

    public required string CustomerId { get; init; }

    public OrderStatus Status { get; private set; }

    /// <summary>Why it is, or is about to be, rejected.</summary>
    public string? Reason { get; private set; }

    public required List<OrderLine> Lines { get; init; }

    public required decimal ItemsTotal { get; init; }

    public required decimal ShippingTotal { get; init; }

    public required ShippingAddress ShippingAddress { get; init; }

    public required string ShippingOption { get; init; }

    public required string PaymentToken { get; init; }

    public string? CardBrand { get; init; }

    public string? CardLast4 { get; init; }

    public string? Carrier { get; init; }

    public string? TrackingNumber { get; init; }

    public required List<StatusChange> History { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; init; }

    public OrderStep Step { get; private set; }

    public bool CancelRequested { get; init; }

    /// <summary>Counts who took the order: a save under an older number changes nothing.</summary>
    public long Lease { get; init; }

    /// <summary>When a worker may take the order; while one has it, when its lease ends; null at the end. By the database's clock.</summary>
    public DateTimeOffset? DueAt { get; init; }

    /// <summary>How often the current step has failed in a row.</summary>
    public int Attempts { get; private set; }

    public string? LastError { get; init; }

    /// <summary>The trace in which it was placed (W3C traceparent), which the process goes on with.</summary>
    public string? TraceParent { get; init; }

    public decimal Total => ItemsTotal + ShippingTotal;

    /// <summary>Since when a worker has the order by its lease, at the latest; a timestamp of this process.</summary>
    public long HeldSince { get; set; }

    public bool IsFinal => Status is OrderStatus.Delivered or OrderStatus.Rejected or OrderStatus.Cancelled;

    /// <summary>Follows, in the worker's hand, what was saved to the row.</summary>
    public void Apply(Process.Transition transition)
    {
        Step = transition.Step;
        Status = transition.Status ?? Status;
        Reason = transition.Reason ?? Reason;
        Attempts = 0;
    }
}

internal sealed record OrderLine(string ProductId, string Name, int Quantity, Money UnitPrice)
{
    public Money Total => UnitPrice * Quantity;
}

internal sealed record ShippingAddress(string Name, string Line1, string? Line2, string City, string PostalCode, string Country)
{
    public Shipping.V1.Address ToMessage() => new() { Name = Name, Line1 = Line1, Line2 = Line2 ?? "", City = City, PostalCode = PostalCode, Country = Country };
}

internal sealed record StatusChange(OrderStatus Status, DateTimeOffset At);

/// <summary>What a customer's idempotency key stands for.</summary>
internal sealed class PlacedOrder
{
    public required string CustomerId { get; init; }

    public required string IdempotencyKey { get; init; }

    /// <summary>SHA-256 over the request's values.</summary>
    public required byte[] RequestHash { get; init; }

    public required Guid OrderId { get; init; }

    /// <summary>The order as it was answered with 201: the same request is answered the same.</summary>
    public required string Receipt { get; init; }
}

/// <summary>The last good copy of a rate of shipping's.</summary>
internal sealed class ShippingRate
{
    public required string Id { get; init; }

    public required decimal Price { get; set; }
}
