using System.Text.Json;
using System.Text.Json.Serialization;

namespace ShopMesh;

/// <summary>An amount as the API has it; the shop has one currency.</summary>
public sealed record AuditedMoney(decimal Amount);

public sealed record AuditedLine(string ProductId, int Quantity, AuditedMoney LineTotal);

public sealed record AuditedOrder(
    string Id, string CustomerId, string Status, IReadOnlyList<AuditedLine> Lines, AuditedMoney ShippingTotal, AuditedMoney Total, DateTimeOffset UpdatedAt, int Attempts, string? LastError)
{
    /// <summary>Whether nothing will change any more.</summary>
    [JsonIgnore]
    public bool IsFinal => Status is "delivered" or "rejected" or "cancelled";

    /// <summary>Whether the customer pays for it and gets it.</summary>
    [JsonIgnore]
    public bool IsSold => Status is "confirmed" or "dispatched" or "delivered";

    /// <summary>Whether it holds stock that is not sold yet.</summary>
    [JsonIgnore]
    public bool IsReserved => Status is "reserved" or "paid";
}

public sealed record AuditedPayment(string OrderId, string Status, AuditedMoney Authorized, AuditedMoney Captured, AuditedMoney Refunded);

public sealed record AuditedShipment(string Id, string OrderId, string Status);

public sealed record AuditedLedger(long Seeded, long Corrected, long Sold, long Returned);

public sealed record AuditedStock(string ProductId, long OnHand, long Reserved, long Available, AuditedLedger Ledger);

/// <summary>Everything that the admin API tells, read while nothing changed.</summary>
public sealed record ShopSnapshot(
    IReadOnlyList<AuditedOrder> Orders, IReadOnlyList<AuditedPayment> Payments, IReadOnlyList<AuditedShipment> Shipments, IReadOnlyList<AuditedStock> Stock);

internal sealed record Page<T>(IReadOnlyList<T> Items, string? NextCursor);

internal sealed record AccessToken([property: JsonPropertyName("access_token")] string Value);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(Page<AuditedOrder>))]
[JsonSerializable(typeof(Page<AuditedPayment>))]
[JsonSerializable(typeof(Page<AuditedShipment>))]
[JsonSerializable(typeof(Page<AuditedStock>))]
[JsonSerializable(typeof(AccessToken))]
internal sealed partial class AuditJson : JsonSerializerContext;
