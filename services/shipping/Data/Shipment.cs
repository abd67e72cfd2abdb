using System.Text.Json.Serialization;

namespace ShopMesh.Shipping.Data;

[JsonConverter(typeof(LowerCaseEnumConverter<ShipmentStatus>))]
internal enum ShipmentStatus
{
    Created,
    Dispatched,
    Delivered,

    /// <summary>Called off; or a tombstone, for an order that never had one.</summary>
    Cancelled,
}

/// <summary>The one shipment of an order.</summary>
internal sealed class Shipment
{
    public required string OrderId { get; init; }

    public required Guid Id { get; init; }

    public required ShipmentStatus Status { get; init; }

    public string? RateId { get; init; }

    public string? Carrier { get; init; }

    public string? TrackingNumber { get; init; }

    public string? Name { get; init; }

    public string? Line1 { get; init; }

    public string? Line2 { get; init; }

    public string? City { get; init; }

    public string? PostalCode { get; init; }

    public string? Country { get; init; }

    /// <summary>By the database's clock; null before the dispatch.</summary>
    public DateTimeOffset? ExpectedDelivery { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; init; }
}
